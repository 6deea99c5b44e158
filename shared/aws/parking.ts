import { ChangeMessageVisibilityCommand, type MessageAttributeValue, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { ParkedMessage, Parking } from '../ports.ts';

/** SQS: body and attributes together. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_REASON_CHARACTERS = 500;
/** SQS takes XML's characters only; a reason may quote what is none of them. */
const NO_SQS_CHARACTER = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

export function createParking(sqs: SQSClient, { sourceUrl, parkedUrl }: { readonly sourceUrl: string; readonly parkedUrl: string }): Parking {
  return {
    async park(message) {
      const attributes = attributesOf(message);
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: parkedUrl,
          MessageBody: message.body,
          // A body that fills a message leaves no room for more: whole is worth more than labelled.
          ...(Buffer.byteLength(message.body) + bytesOf(attributes) <= MAX_MESSAGE_BYTES && { MessageAttributes: attributes }),
          ...(parkedUrl.endsWith('.fifo') && fifoFields(message)),
        }),
      );
    },
    async comeAgain(receiptHandle, seconds) {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: sourceUrl, ReceiptHandle: receiptHandle, VisibilityTimeout: seconds }));
    },
  };
}

/** A group for each message: whoever looks at one is not kept from the others. */
const fifoFields = ({ messageId }: ParkedMessage) => ({ MessageGroupId: messageId, MessageDeduplicationId: messageId });

const attributesOf = ({ source, reason, time, messageId }: ParkedMessage): Record<string, MessageAttributeValue> => {
  const values = { source, reason: reason.slice(0, MAX_REASON_CHARACTERS).replaceAll(NO_SQS_CHARACTER, '\u{fffd}') || 'not said', time, messageId };
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, { DataType: 'String', StringValue: text }]));
};

const bytesOf = (attributes: Readonly<Record<string, MessageAttributeValue>>): number =>
  Object.entries(attributes).reduce((sum, [name, { DataType = '', StringValue = '' }]) => sum + Buffer.byteLength(name + DataType + StringValue), 0);
