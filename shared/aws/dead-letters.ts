import { ChangeMessageVisibilityCommand, DeleteMessageCommand, GetQueueAttributesCommand, type Message, ReceiveMessageCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { UsageError } from '../errors.ts';
import type { DeadLetter, DeadLetters } from '../ports.ts';
import { DISPATCH_GROUP } from './queues.ts';

/** The stack's output `DeadLetterQueues`: name -> the queue's URL, and that of the queue it stands behind. */
export type DeadLetterQueues = Readonly<Record<string, { readonly url: string; readonly source?: string }>>;

/** SQS: at most 10 a receive. */
const MESSAGES_PER_RECEIVE = 10;
/** Who looks and is killed leaves the messages hidden for so long. */
const HIDDEN_SECONDS = 60;
/** A long poll asks every server of SQS; a short one may miss messages. */
const WAIT_SECONDS = 1;
const MOST_SEEN = 1000;
/** Neither Spillway, Lambda nor EventBridge said why: SQS moved it. */
const NOT_SAID = 'received again and again without an end: its reader failed each time, see the log of the function';

interface Place {
  readonly name: string;
  readonly url: string;
  readonly source?: string;
}

type See = Parameters<DeadLetters['visit']>[0];

/** @param newNonce FIFO swallows a message whose id it saw within five minutes, and a message may be sent back twice */
export function createDeadLetters(sqs: SQSClient, queues: DeadLetterQueues, newNonce: () => string): DeadLetters {
  const places = Object.entries(queues).map(([name, queue]): Place => ({ name, ...queue }));
  return {
    async visit(see) {
      const unseen = await Promise.all(places.map(async (place) => [place.name, await visitQueue(sqs, place, see)] as const));
      return Object.fromEntries(unseen.filter(([, count]) => count > 0));
    },
    async sendBack({ queue, body, id }) {
      const source = queues[queue]?.source;
      if (source === undefined) throw new UsageError(`expected a message that came from a queue, ${id} is an event of ${queue}`);
      const fifo = { MessageGroupId: DISPATCH_GROUP, MessageDeduplicationId: `resend/${newNonce()}` };
      await sqs.send(new SendMessageCommand({ QueueUrl: source, MessageBody: body, ...(source.endsWith('.fifo') && fifo) }));
    },
  };
}

/** @returns how many messages lie there that were not seen, about */
async function visitQueue(sqs: SQSClient, place: Place, see: See): Promise<number> {
  const seen = new Set<string>();
  const kept: Message[] = [];
  try {
    while (seen.size < MOST_SEEN) {
      const messages = await receive(sqs, place);
      if (messages.length === 0) break;
      for (const message of messages) if (!(await visitMessage(sqs, place, message, seen.has(message.MessageId!) ? undefined : see))) kept.push(message);
      for (const { MessageId: id } of messages) seen.add(id!);
    }
  } finally {
    for (const { ReceiptHandle } of kept) await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: place.url, ReceiptHandle, VisibilityTimeout: 0 })).catch(() => undefined);
  }
  return Math.max(0, (await countMessages(sqs, place)) - new Set(kept.map(({ MessageId: id }) => id)).size);
}

/** @param see undefined for a message that came again while others were looked at @returns whether it was deleted */
async function visitMessage(sqs: SQSClient, place: Place, message: Message, see: See | undefined): Promise<boolean> {
  if ((await see?.(letterOf(place, message))) !== 'remove') return false;
  await sqs.send(new DeleteMessageCommand({ QueueUrl: place.url, ReceiptHandle: message.ReceiptHandle }));
  return true;
}

async function receive(sqs: SQSClient, { url }: Place): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: MESSAGES_PER_RECEIVE,
      VisibilityTimeout: HIDDEN_SECONDS,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['SentTimestamp'],
    }),
  );
  return Messages;
}

async function countMessages(sqs: SQSClient, { url }: Place): Promise<number> {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages'] }));
  return Number(Attributes?.['ApproximateNumberOfMessages'] ?? 0);
}

function letterOf({ name, source }: Place, { MessageId: id = '', Body: body = '', MessageAttributes, Attributes }: Message): DeadLetter {
  const said = (...names: readonly string[]) => names.map((attribute) => MessageAttributes?.[attribute]?.StringValue).find((text) => text !== undefined);
  return {
    id,
    queue: name,
    hasSource: source !== undefined,
    body,
    // Ours, then Lambda's, then EventBridge's.
    reason: said('reason', 'ErrorMessage', 'ERROR_MESSAGE') ?? NOT_SAID,
    time: said('time') ?? new Date(Number(Attributes?.SentTimestamp ?? 0)).toISOString(),
  };
}
