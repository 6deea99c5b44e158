import type { z } from 'zod';
import { parseJson } from './parse-json.ts';
import type { Clock, Parking } from './ports.ts';

/** What an SQS event says of a message. */
export interface DeliveredMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly eventSourceARN: string;
  readonly attributes?: { readonly SentTimestamp?: string };
}

export interface ParkingPorts {
  readonly parking: Parking;
  readonly clock: Clock;
  /** Only operators read it: nothing hangs on it. */
  readonly logger: { error(text: string, fields: Readonly<Record<string, unknown>>): void };
}

/** A FIFO group stands still for so long; after five receives SQS itself moves the message to the same dead-letter queue. */
const COMES_AGAIN_SECONDS = 5;

/**
 * Parks a message. One that can't be parked now is neither lost nor keeps the others waiting for long: it comes again soon.
 * @returns whether it is parked; if not, the answer to Lambda must name it among the failures
 */
export async function parkMessage(message: DeliveredMessage, reason: string, ports: ParkingPorts): Promise<boolean> {
  const { messageId, receiptHandle, body } = message;
  const source = message.eventSourceARN.split(':').at(-1) ?? '';
  try {
    await ports.parking.park({ messageId, body, source, reason, time: new Date(ports.clock()).toISOString() });
    ports.logger.error('message parked', { messageId, source, reason });
    return true;
  } catch (error) {
    ports.logger.error('message not parked: it comes again', { messageId, source, reason, body, error });
    // Without it the queue's own visibility time-out counts: longer, but the message still comes.
    await ports.parking.comeAgain(receiptHandle, COMES_AGAIN_SECONDS).catch(() => undefined);
    return false;
  }
}

/** @returns those that could not be parked */
export async function parkAll(messages: readonly DeliveredMessage[], reason: string, ports: ParkingPorts): Promise<DeliveredMessage[]> {
  const failed: DeliveredMessage[] = [];
  for (const message of messages) if (!(await parkMessage(message, reason, ports))) failed.push(message);
  return failed;
}

/** The answer to Lambda: exactly these come again (`ReportBatchItemFailures`). */
export const failuresOf = (messages: readonly DeliveredMessage[]) => ({ batchItemFailures: messages.map(({ messageId }) => ({ itemIdentifier: messageId })) });

export interface Reading<T> {
  readonly read: readonly { readonly message: DeliveredMessage; readonly value: T }[];
  /** Messages that could neither be read nor parked. */
  readonly failed: readonly DeliveredMessage[];
}

/** Reads what can be read, in order, and parks the rest: an error would stop a FIFO group for all. */
export async function readOrPark<T>(messages: readonly DeliveredMessage[], schema: z.ZodType<T>, ports: ParkingPorts): Promise<Reading<T>> {
  const read: { message: DeliveredMessage; value: T }[] = [];
  const failed: DeliveredMessage[] = [];
  for (const message of messages) {
    const parsed = parseJson(message.body, schema);
    if (parsed.ok) read.push({ message, value: parsed.value });
    else if (!(await parkMessage(message, parsed.reason, ports))) failed.push(message);
  }
  return { read, failed };
}
