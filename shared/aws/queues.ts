import { DeleteMessageCommand, SendMessageBatchCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { DispatchQueue, WorkQueues } from '../ports.ts';

/** SQS: at most 10 entries a batch. */
const ENTRIES_PER_BATCH = 10;
const SEND_ROUNDS = 4;
/** One group: one dispatcher at a time. */
export const DISPATCH_GROUP = 'dispatch';

export function createDispatchQueue(sqs: SQSClient, url: string): DispatchQueue {
  return {
    async send(message, dedupId) {
      const MessageBody = JSON.stringify(message);
      await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId: DISPATCH_GROUP, MessageDeduplicationId: dedupId }));
    },
  };
}

/** @param urls worker class -> queue URL */
export function createWorkQueues(sqs: SQSClient, urls: Readonly<Record<string, string>>): WorkQueues {
  return {
    async send(workerClass, messages) {
      const url = urls[workerClass];
      if (!url) throw new Error(`expected a work queue of class ${workerClass}, know ${Object.keys(urls).join(', ')}`);
      const entries = messages.map(({ message, delaySeconds }, i) => ({
        Id: String(i),
        MessageBody: JSON.stringify(message),
        ...(delaySeconds > 0 && { DelaySeconds: delaySeconds }),
      }));
      for (let i = 0; i < entries.length; i += ENTRIES_PER_BATCH) await sendEntries(sqs, url, entries.slice(i, i + ENTRIES_PER_BATCH));
    },
  };
}

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
}

/** For a reader that ends before Lambda deletes what it has handled. */
export async function deleteMessages(sqs: SQSClient, url: string, receiptHandles: readonly string[]): Promise<void> {
  for (const ReceiptHandle of receiptHandles) await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
}

/** SQS refuses single entries of a batch that it accepts. */
async function sendEntries(sqs: SQSClient, url: string, entries: readonly Entry[]): Promise<void> {
  let left = entries;
  for (let round = 0; round < SEND_ROUNDS && left.length > 0; round++) {
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: [...left] }));
    const failedIds = new Set(Failed.map(({ Id }) => Id));
    left = left.filter(({ Id }) => failedIds.has(Id));
  }
  if (left.length > 0) throw new Error(`${left.length} of ${entries.length} messages were refused by the queue ${SEND_ROUNDS} times`);
}
