import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDynamo, createSqs } from '../../shared/aws/clients.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createPaceStore } from '../../shared/aws/pace-table.ts';
import { createWorkQueues } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { createParking } from '../../shared/aws/parking.ts';
import { type DispatchMessage, dispatchMessageSchema } from '../../shared/messages.ts';
import { failuresOf, parkAll, readOrPark } from '../../shared/park-messages.ts';
import { dispatchBatches } from './dispatch-batches.ts';

const RETRY_AFTER_SECONDS = 1;

const configuration = readConfiguration(process.env, [
  'PROGRESS_TABLE',
  'LANES_TABLE',
  'TENANTS_TABLE',
  'WORK_QUEUE_URLS',
  'WINDOWS',
  'RESEND_AFTER_SECONDS',
  'SOURCE_QUEUE_URL',
  'PARKED_QUEUE_URL',
]);
const logger = new Logger();
const metrics = new Metrics();
const dynamo = createDynamo();
const sqs = createSqs();
const ports = {
  ledger: createRunLedger(dynamo, configuration.PROGRESS_TABLE),
  lanes: createLaneStore(dynamo, configuration.LANES_TABLE),
  tenants: createTenantStore(dynamo, configuration.TENANTS_TABLE),
  paces: createPaceStore(dynamo, configuration.TENANTS_TABLE, Date.now),
  workQueues: createWorkQueues(sqs, configuration.WORK_QUEUE_URLS),
  clock: Date.now,
  newStamp: randomUUID,
  windows: configuration.WINDOWS,
  resendAfterMs: 1000 * configuration.RESEND_AFTER_SECONDS,
};
const parking = createParking(sqs, { sourceUrl: configuration.SOURCE_QUEUE_URL, parkedUrl: configuration.PARKED_QUEUE_URL });
const parkingPorts = { parking, clock: Date.now, logger };

/** SQS FIFO, one group: one invocation at a time, messages in order. An error would stop the group for all: what can't be handled is parked. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const { read, failed } = await readOrPark(event.Records, dispatchMessageSchema, parkingPorts);
  const unknown = new Set<DispatchMessage>();
  try {
    const { drift } = await dispatchBatches(read.map(({ value }) => value), { ...ports, onUnknownRun: (message) => unknown.add(message) });
    if (drift > 0) countDrift(drift);
  } catch (error) {
    await comeAgainSoon(event);
    throw error;
  }
  const lost = read.filter(({ value }) => unknown.has(value)).map(({ message }) => message);
  return failuresOf([...failed, ...(await parkAll(lost, 'expected the id of a run, got that of none', parkingPorts))]);
}

/** The group waits for its first message: a round that failed is tried again soon, not when the visibility time-out is over. */
async function comeAgainSoon({ Records }: SQSEvent): Promise<void> {
  for (const { receiptHandle } of Records) {
    await parking.comeAgain(receiptHandle, RETRY_AFTER_SECONDS).catch((error: unknown) => logger.error('a message stays hidden', error as Error));
  }
}

function countDrift(drift: number): void {
  logger.warn('the lanes had drifted from the ledger', { drift });
  metrics.addMetric('LaneDrift', MetricUnit.Count, drift);
  metrics.publishStoredMetrics();
}
