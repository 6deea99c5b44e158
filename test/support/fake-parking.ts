import type { DeliveredMessage, ParkingPorts } from '../../shared/park-messages.ts';
import type { ParkedMessage } from '../../shared/ports.ts';

export interface FakeParking extends ParkingPorts {
  readonly parked: ParkedMessage[];
  /** Receipt handle and seconds. */
  readonly again: (readonly [string, number])[];
  readonly logged: Readonly<Record<string, unknown>>[];
}

/** @param failure what `park` fails with */
export function createFakeParking(failure?: Error): FakeParking {
  const parked: ParkedMessage[] = [];
  const again: (readonly [string, number])[] = [];
  const logged: Readonly<Record<string, unknown>>[] = [];
  return {
    parked,
    again,
    logged,
    clock: () => 0,
    logger: { error: (_, fields) => void logged.push(fields) },
    parking: {
      park: async (message) => {
        if (failure) throw failure;
        parked.push(message);
      },
      comeAgain: async (receiptHandle, seconds) => void again.push([receiptHandle, seconds]),
    },
  };
}

export const aDelivery = (body: string, messageId = 'm1'): DeliveredMessage => ({
  messageId,
  receiptHandle: `receipt of ${messageId}`,
  body,
  eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:Spillway-Dispatch.fifo',
});
