import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import { createDynamo, createS3 } from '../../shared/aws/clients.ts';
import { createObjectRemover } from '../../shared/aws/object-remover.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createRunErasures } from '../../shared/aws/run-erasures.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { eraseRuns } from './erase-runs.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'TENANTS_TABLE', 'MANIFESTS_BUCKET', 'RESULTS_BUCKET']);
const logger = new Logger();
const dynamo = createDynamo();
const s3 = createS3();
const ports = {
  erasures: createRunErasures(dynamo, configuration.PROGRESS_TABLE),
  ledger: createRunLedger(dynamo, configuration.PROGRESS_TABLE),
  tenants: createTenantStore(dynamo, configuration.TENANTS_TABLE),
  results: createObjectStore(s3, configuration.RESULTS_BUCKET),
  resultsRemover: createObjectRemover(s3, configuration.RESULTS_BUCKET),
  manifestsRemover: createObjectRemover(s3, configuration.MANIFESTS_BUCKET),
  clock: Date.now,
  onError: (run: string, error: unknown) => logger.error('run not erased', { run, error: error as Error }),
};

/** Time kept for ending in order: the next one goes on. */
const CLOSING_MS = 15_000;

/** Every hour. */
export async function handler(_event: unknown, context: Context): Promise<{ expired: number; erased: number; failed: number }> {
  const done = await eraseRuns(ports, Date.now() + context.getRemainingTimeInMillis() - CLOSING_MS);
  if (done.expired + done.erased + done.failed > 0) logger.info('runs erased', done);
  return done;
}
