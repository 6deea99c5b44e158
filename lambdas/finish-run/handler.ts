import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { createDynamo, createS3 } from '../../shared/aws/clients.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { failInputSchema, runInputSchema } from '../../shared/messages.ts';
import { readPayload } from '../../shared/parse-json.ts';
import { failRun } from './fail-run.ts';
import { finishRun } from './finish-run.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'TENANTS_TABLE', 'RESULTS_BUCKET', 'MANIFESTS_BUCKET']);
const logger = new Logger();
const s3 = createS3();
const dynamo = createDynamo();
const ports = {
  ledger: createRunLedger(dynamo, configuration.PROGRESS_TABLE),
  credits: createCredits(dynamo, configuration.TENANTS_TABLE, Date.now),
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
