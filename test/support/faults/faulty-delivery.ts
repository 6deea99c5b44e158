import type { Message } from '@aws-sdk/client-sqs';
import type { QueueReader } from '../../../localstack/embedded/contracts.ts';
import type { WireCall } from './wire-call.ts';
import type { FaultKind } from './wire-faults.ts';

/** Deliveries of an event source mapping are named like calls: `Mapping/sqs:Deliver webwork 0/3 #1`. */
const DELIVERY = 'Deliver';

export const isDelivery = ({ action }: Pick<WireCall, 'action'>): boolean => action === DELIVERY;

/** A queue whose messages are delivered twice at once, or come again although they were handled, as SQS allows itself both. */
export function deliverFaultily(queue: QueueReader, name: string, judge: (call: WireCall) => FaultKind | undefined): QueueReader {
  const again: Message[] = [];
  const kept = new Set<string>();
  return {
    async receive(limit) {
      const messages = again.splice(0, limit);
      if (messages.length > 0) return messages;
      const received = await queue.receive(limit);
      for (const message of received) {
        const fault = judge(deliveryOf(message, name));
        if (fault === 'deliver twice') again.push(message);
        if (fault === 'lose delete') kept.add(message.ReceiptHandle!);
      }
      return received;
    },
    async delete(messages) {
      await queue.delete(messages.filter(({ ReceiptHandle: handle }) => !kept.has(handle!)));
      await queue.giveBack(messages.filter(({ ReceiptHandle: handle }) => kept.delete(handle!)));
    },
    giveBack: (messages) => queue.giveBack(messages),
  };
}

/** A message that comes again is the same delivery's next attempt. */
const deliveryOf = (message: Message, QueueUrl: string): WireCall => ({
  service: 'sqs',
  action: DELIVERY,
  accessKeyId: '',
  appId: 'Mapping',
  requestId: undefined,
  sdkCallId: message.MessageId!,
  url: '/',
  input: { QueueUrl, MessageBody: message.Body },
});
