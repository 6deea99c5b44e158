import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { processorOf } from '../../processors/registry.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createTaskAnswers } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createWorkerFetcher, FETCH_VARIABLES } from '../../shared/aws/worker-fetcher.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { workMessageSchema } from '../../shared/messages.ts';
import { parseJson } from '../../shared/parse-json.ts';
import { processBatch } from './process-batch.ts';
import { rememberOpenRuns } from './remember-open-runs.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'RESULTS_BUCKET', 'DISPATCH_QUEUE_URL', ...FETCH_VARIABLES]);
const logger = new Logger();
const dynamo = createDynamo();
const fetcher = createWorkerFetcher(dynamo, configuration);
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const ports = {
  ledger,
  findRun: rememberOpenRuns(ledger.readRun, Date.now),
  results: createObjectStore(createS3(), configuration.RESULTS_BUCKET),
  dispatchQueue: createDispatchQueue(createSqs(), configuration.DISPATCH_QUEUE_URL),
  taskAnswers: createTaskAnswers(createSfn()),
  processorOf,
  fetchPage: fetcher.fetchPage,
  clock: Date.now,
};

/** SQS, a work queue: one batch, or a wake for the dispatcher that an SQS FIFO queue can't delay itself. */
export async function handler(event: SQSEvent, context: Context): Promise<SQSBatchResponse> {
  try {
    for (const record of event.Records) await handleRecord(record, context);
  } finally {
    // Connections go back to the other workers.
    await fetcher.rest();
  }
  return { batchItemFailures: [] };
}

async function handleRecord(record: SQSRecord, context: Context): Promise<void> {
  const parsed = parseJson(record.body, workMessageSchema);
  if (!parsed.ok) return logger.error('message dropped', { reason: parsed.reason, body: record.body });
  if ('wake' in parsed.value) return ports.dispatchQueue.send({ v: 1, type: 'wake' }, `wake/${randomUUID()}`);
  const delivery = { owner: context.awsRequestId, messageId: record.messageId, deadline: Date.now() + context.getRemainingTimeInMillis() };
  const end = await processBatch(parsed.value, delivery, ports);
  logger.debug('batch ended', { ...parsed.value, ...end });
}
