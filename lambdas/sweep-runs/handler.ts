import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import { findProcessor, listProcessors } from '../../processors/registry.ts';
import { admitRun } from '../../shared/admission.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createExecutions, createTaskAnswers } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { leaveRoom } from '../../shared/release-queued.ts';
import { type SweepPorts, sweepRuns } from './sweep-runs.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'TENANTS_TABLE', 'MANIFESTS_BUCKET', 'RESULTS_BUCKET', 'DISPATCH_QUEUE_URL', 'STATE_MACHINE_ARN']);
const logger = new Logger();
const sfn = createSfn();
const s3 = createS3();
const dynamo = createDynamo();
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const credits = createCredits(dynamo, configuration.TENANTS_TABLE, Date.now);
const executions = createExecutions(sfn, configuration.STATE_MACHINE_ARN);
const manifests = createObjectStore(s3, configuration.MANIFESTS_BUCKET);
const queuePorts = {
  ledger,
  credits,
  room: createWaitingRoom(dynamo, configuration.TENANTS_TABLE),
  tenants: createTenantStore(dynamo, configuration.TENANTS_TABLE),
  maxWaitingItemsOf: (processor: string) => findProcessor(processor)?.maxWaitingItems,
  dispatchQueue: createDispatchQueue(createSqs(), configuration.DISPATCH_QUEUE_URL),
  clock: Date.now,
  newNonce: randomUUID,
};
const ports: SweepPorts = {
  results: createObjectStore(s3, configuration.RESULTS_BUCKET),
  ...queuePorts,
  leaveRoom: (run) => leaveRoom(run, queuePorts),
  executions,
  newOwner: randomUUID,
  taskAnswers: createTaskAnswers(sfn),
  admit: (open) => admitRun(open, { ledger, manifests, executions, processors: listProcessors() }),
  onError: (run, error) => logger.error('run not swept', { run, error: error as Error }),
};

/** Time kept for ending in order: the next sweep goes on. */
const CLOSING_MS = 10_000;

/** Every minute; a long one overlaps with the next, which is harmless. */
export async function handler(_event: unknown, context: Context): Promise<{ runs: number; failed: number }> {
  const sweep = await sweepRuns(ports, Date.now() + context.getRemainingTimeInMillis() - CLOSING_MS);
  if (sweep.runs > 0) logger.info('runs swept', sweep);
  return sweep;
}
