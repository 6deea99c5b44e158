import { ChangeMessageVisibilityBatchCommand, DeleteMessageBatchCommand, ReceiveMessageCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';

/** One queue, as an event source mapping needs it. */
export interface QueueReader {
  /** @param limit 1 to 10 */
  receive(limit: number): Promise<Message[]>;
  delete(messages: readonly Message[]): Promise<void>;
  /** Makes messages visible again that nobody took. */
  giveBack(messages: readonly Message[]): Promise<void>;
}

/** SQS: entries in one batch call. */
const BATCH_ENTRIES = 10;

export function createQueueReader(client: SQSClient, queueUrl: string): QueueReader {
  return {
    receive: async (limit) => {
      // No long poll: one that is cut off swallows a delivery. The front says when something was sent.
      const command = new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: limit, WaitTimeSeconds: 0, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
      return (await client.send(command)).Messages ?? [];
    },
    delete: (messages) =>
      forEachBatch(messages, async (entries) => void (await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries })))),
    giveBack: (messages) =>
      forEachBatch(messages, async (entries) => {
        const Entries = entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
        await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
      }),
  };
}

async function forEachBatch(messages: readonly Message[], act: (entries: { Id: string; ReceiptHandle: string }[]) => Promise<void>): Promise<void> {
  for (let i = 0; i < messages.length; i += BATCH_ENTRIES) {
    await act(messages.slice(i, i + BATCH_ENTRIES).map((message, n) => ({ Id: String(n), ReceiptHandle: message.ReceiptHandle! })));
  }
}
