import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { findProcessor } from '../../processors/registry.ts';
import { createDynamo, createS3, createSqs } from '../../shared/aws/clients.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { failInputSchema, runInputSchema } from '../../shared/messages.ts';
import { readPayload } from '../../shared/parse-json.ts';
import type { RunRecord } from '../../shared/records.ts';
import { leaveRoom } from '../../shared/release-queued.ts';
import { failRun } from './fail-run.ts';
import { finishRun } from './finish-run.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'TENANTS_TABLE', 'RESULTS_BUCKET', 'MANIFESTS_BUCKET', 'DISPATCH_QUEUE_URL']);
const logger = new Logger();
const s3 = createS3();
const dynamo = createDynamo();
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const credits = createCredits(dynamo, configuration.TENANTS_TABLE, Date.now);
const leavePorts = {
  ledger,
  credits,
  room: createWaitingRoom(dynamo, configuration.TENANTS_TABLE),
  tenants: createTenantStore(dynamo, configuration.TENANTS_TABLE),
  maxWaitingItemsOf: (processor: string) => findProcessor(processor)?.maxWaitingItems,
  dispatchQueue: createDispatchQueue(createSqs(), configuration.DISPATCH_QUEUE_URL),
  clock: Date.now,
  newNonce: randomUUID,
};
const ports = {
  ledger,
  credits,
  leaveRoom: (run: RunRecord) => leaveRoom(run, leavePorts),
  results: createObjectStore(s3, configuration.RESULTS_BUCKET),
  manifests: createObjectStore(s3, configuration.MANIFESTS_BUCKET),
  clock: Date.now,
  newOwner: randomUUID,
};

/** State machine: the end of a run, good (`Finish`) or bad (`Fail`, which hands on the error that it caught). */
export async function handler(event: unknown) {
  const end = hasError(event) ? await failRun(readPayload(event, failInputSchema), ports) : await finishRun(readPayload(event, runInputSchema), ports);
  logger.info('run ended', { end });
  return end;
}

/** Whatever form it has: a run that went wrong is never finished by mistake. */
const hasError = (event: unknown): boolean => typeof event === 'object' && event !== null && 'error' in event;
