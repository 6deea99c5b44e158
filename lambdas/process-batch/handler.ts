import { randomUUID } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { processorOf } from '../../processors/registry.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createTaskAnswers } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createParking } from '../../shared/aws/parking.ts';
import { createDispatchQueue, deleteMessages } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { sleep } from '../../shared/aws/sleep.ts';
import { API_VARIABLES, createWorkerApis } from '../../shared/aws/worker-apis.ts';
import { createWorkerFetcher, FETCH_VARIABLES } from '../../shared/aws/worker-fetcher.ts';
import { createWorkerLimiter } from '../../shared/aws/worker-limiter.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { NoSuchRecordError } from '../../shared/errors.ts';
import { type WorkMessage, workMessageSchema } from '../../shared/messages.ts';
import { type DeliveredMessage, failuresOf, parkMessage, readOrPark } from '../../shared/park-messages.ts';
import { limitToEvery } from './limit-to-every.ts';
import { processBatch } from './process-batch.ts';
import { rememberOpenRuns } from './remember-open-runs.ts';
import { Retirement } from './retirement.ts';

/** A run that fails as a whole is noticed within this time, and by the sweep. */
const RECOUNT_EVERY_MS = 5_000;

const COMES_AGAIN_SECONDS = 5;

const configuration = readConfiguration(process.env, [
  'PROGRESS_TABLE',
  'RESULTS_BUCKET',
  'UPLOADS_BUCKET',
  'DISPATCH_QUEUE_URL',
  'SOURCE_QUEUE_URL',
  'PARKED_QUEUE_URL',
  'LEASE_MARGIN_SECONDS',
  'CLOSING_SECONDS',
  'RETIRE_AFTER_ITEMS',
  'RETIRE_ABOVE_HEAP_MB',
  ...FETCH_VARIABLES,
  ...API_VARIABLES,
]);
const logger = new Logger();
const dynamo = createDynamo();
const sqs = createSqs();
const s3 = createS3();
const fetcher = createWorkerFetcher(dynamo, configuration);
const limits = createWorkerLimiter(dynamo, configuration);
const { limiter } = limits;
const apis = createWorkerApis(configuration, limits);
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const ports = {
  ledger,
  findRun: rememberOpenRuns(ledger.readRun, Date.now),
  results: createObjectStore(s3, configuration.RESULTS_BUCKET),
  dispatchQueue: createDispatchQueue(sqs, configuration.DISPATCH_QUEUE_URL),
  taskAnswers: createTaskAnswers(createSfn()),
  processorOf,
  fetchPage: fetcher.fetchPage,
  callApi: (...of: Parameters<typeof apis.call>) => apis.call(...of),
  limiter,
  uploads: configuration.UPLOADS_BUCKET === '' ? undefined : createObjectStore(s3, configuration.UPLOADS_BUCKET),
  clock: Date.now,
  sleep,
  random: Math.random,
  newOwner: randomUUID,
  leaseMarginMs: 1000 * configuration.LEASE_MARGIN_SECONDS,
  closingMs: 1000 * configuration.CLOSING_SECONDS,
  isRecountDue: limitToEvery(RECOUNT_EVERY_MS, Date.now),
  onError: (message: string, error: unknown) => logger.error(message, error as Error),
};
const parking = createParking(sqs, { sourceUrl: configuration.SOURCE_QUEUE_URL, parkedUrl: configuration.PARKED_QUEUE_URL });
const parkingPorts = { parking, clock: Date.now, logger };
const retirement = new Retirement({ items: configuration.RETIRE_AFTER_ITEMS, heapMb: configuration.RETIRE_ABOVE_HEAP_MB });

/** SQS, a work queue: one batch, or a wake for the dispatcher that an SQS FIFO queue can't delay itself. What can't be handled is parked. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  try {
    const { read, failed } = await readOrPark(event.Records, workMessageSchema, parkingPorts);
    const again: DeliveredMessage[] = [];
    for (const { message, value } of read) if (!(await handleMessage(message, value, context))) again.push(message);
    const reason = retirement.reason(getHeapStatistics().used_heap_size);
    if (reason !== undefined && failed.length + again.length === 0) await retire(event, reason);
    return failuresOf([...failed, ...again]);
  } finally {
    // Connections, and starts that were reserved ahead, go back to the other workers.
    await Promise.all([fetcher.rest(), limiter.release()]);
  }
}

/** The environment ends within this call, which then counts as failed: its messages are done, so they are deleted before. */
async function retire({ Records }: SQSEvent, reason: string): Promise<never> {
  logger.info('environment retires', { reason });
  const handles = Records.map(({ receiptHandle }) => receiptHandle);
  // Undeleted they come again later, and find that there is nothing to do.
  await deleteMessages(sqs, configuration.SOURCE_QUEUE_URL, handles).catch((error: unknown) => logger.error('messages of a retiring environment not deleted', error as Error));
  await Promise.all([fetcher.rest(), limiter.release()]);
  process.exit(0);
}

/** @returns false if the message must come again */
async function handleMessage(delivered: DeliveredMessage, message: WorkMessage, context: Context): Promise<boolean> {
  if ('wake' in message) {
    await ports.dispatchQueue.send({ v: 1, type: 'wake' }, `wake/${randomUUID()}`);
    return true;
  }
  const delivery = { owner: context.awsRequestId, messageId: delivered.messageId, ...sentAtOf(delivered), deadline: Date.now() + context.getRemainingTimeInMillis() };
  try {
    const end = await processBatch(message, delivery, ports);
    logger.debug('batch ended', { ...message, ...end });
    if (end.kind === 'settled') retirement.note(end);
    return true;
  } catch (error) {
    if (error instanceof NoSuchRecordError) return parkMessage(delivered, error.message, parkingPorts);
    // Sooner than at the end of the visibility time-out; a batch that was claimed is left to its lease.
    logger.error('batch not ended: its message comes again', { ...message, error: error as Error });
    await parking.comeAgain(delivered.receiptHandle, COMES_AGAIN_SECONDS).catch(() => undefined);
    return false;
  }
}

/** SQS says when it took a message; a delayed one waits from then on. */
function sentAtOf({ attributes }: DeliveredMessage): { readonly sentAt?: number } {
  const sentAt = Number(attributes?.SentTimestamp);
  return Number.isSafeInteger(sentAt) ? { sentAt } : {};
}
