import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDynamo, createSqs } from '../../shared/aws/clients.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createWorkQueues } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { createParking } from '../../shared/aws/parking.ts';
import { type DispatchMessage, dispatchMessageSchema } from '../../shared/messages.ts';
import { failuresOf, parkAll, readOrPark } from '../../shared/park-messages.ts';
import { dispatchBatches } from './dispatch-batches.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'LANES_TABLE', 'WORK_QUEUE_URLS', 'WINDOWS', 'SOURCE_QUEUE_URL', 'PARKED_QUEUE_URL']);
const logger = new Logger();
const dynamo = createDynamo();
const sqs = createSqs();
const ports = {
  ledger: createRunLedger(dynamo, configuration.PROGRESS_TABLE),
  lanes: createLaneStore(dynamo, configuration.LANES_TABLE),
  workQueues: createWorkQueues(sqs, configuration.WORK_QUEUE_URLS),
  clock: Date.now,
  newStamp: randomUUID,
  windows: configuration.WINDOWS,
};
const parking = createParking(sqs, { sourceUrl: configuration.SOURCE_QUEUE_URL, parkedUrl: configuration.PARKED_QUEUE_URL });
const parkingPorts = { parking, clock: Date.now, logger };

/** SQS FIFO, one group: one invocation at a time, messages in order. An error would stop the group for all: what can't be handled is parked. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const { read, failed } = await readOrPark(event.Records, dispatchMessageSchema, parkingPorts);
  const unknown = new Set<DispatchMessage>();
  await dispatchBatches(read.map(({ value }) => value), { ...ports, onUnknownRun: (message) => unknown.add(message) });
  const lost = read.filter(({ value }) => unknown.has(value)).map(({ message }) => message);
  return failuresOf([...failed, ...(await parkAll(lost, 'expected the id of a run, got that of none', parkingPorts))]);
}
