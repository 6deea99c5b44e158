import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import { REGION, type InvokeAnswer } from '../contracts.ts';

/** The event that Lambda makes of SQS messages (Lambda's documentation, "Example Amazon SQS message event"). */
export const sqsEvent = (messages: readonly Message[], queueArn: string): { Records: object[] } => ({ Records: messages.map((message) => recordOfMessage(message, queueArn)) });

const recordOfMessage = (message: Message, queueArn: string): object => ({
  messageId: message.MessageId,
  receiptHandle: message.ReceiptHandle,
  body: message.Body,
  attributes: message.Attributes ?? {},
  messageAttributes: Object.fromEntries(Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, attributeOf(value)])),
  md5OfBody: message.MD5OfBody,
  ...(message.MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
  eventSource: 'aws:sqs',
  eventSourceARN: queueArn,
  awsRegion: REGION,
});

const attributeOf = ({ StringValue: text, BinaryValue: bytes, DataType: type }: MessageAttributeValue): object => ({
  ...(text === undefined ? {} : { stringValue: text }),
  ...(bytes === undefined ? {} : { binaryValue: Buffer.from(bytes).toString('base64') }),
  stringListValues: [],
  binaryListValues: [],
  dataType: type,
});

/**
 * Which messages an answer has done with. Lambda's documentation, "Implementing partial batch responses": no or an empty list means all;
 * an answer that is malformed, or names a message that is not in the batch, fails the whole batch.
 */
export function handledMessages(messages: readonly Message[], answer: InvokeAnswer, reportsItemFailures: boolean): readonly Message[] {
  if (!answer.ok) return [];
  if (!reportsItemFailures) return messages;
  const failed = failedIds(answer.payload);
  const known = new Set(messages.map(({ MessageId: id }) => id));
  if (failed === undefined || [...failed].some((id) => !known.has(id))) return [];
  return messages.filter(({ MessageId: id }) => !failed.has(id!));
}

/** undefined for a malformed answer. */
function failedIds(payload: unknown): ReadonlySet<string> | undefined {
  if (payload === null || payload === undefined) return new Set();
  const failures: unknown = (payload as { batchItemFailures?: unknown }).batchItemFailures ?? [];
  if (!Array.isArray(failures)) return undefined;
  const ids = failures.map((failure) => (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier);
  return ids.every((id) => typeof id === 'string' && id !== '') ? new Set(ids as string[]) : undefined;
}
