import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import { listProcessors } from '../../processors/registry.ts';
import { admitRun } from '../../shared/admission.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createExecutions, createTaskAnswers } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { type SweepPorts, sweepRuns } from './sweep-runs.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'MANIFESTS_BUCKET', 'DISPATCH_QUEUE_URL', 'STATE_MACHINE_ARN']);
const logger = new Logger();
const sfn = createSfn();
const ledger = createRunLedger(createDynamo(), configuration.PROGRESS_TABLE);
const executions = createExecutions(sfn, configuration.STATE_MACHINE_ARN);
const manifests = createObjectStore(createS3(), configuration.MANIFESTS_BUCKET);
const ports: SweepPorts = {
  ledger,
  executions,
  taskAnswers: createTaskAnswers(sfn),
  dispatchQueue: createDispatchQueue(createSqs(), configuration.DISPATCH_QUEUE_URL),
  admit: (open) => admitRun(open, { ledger, manifests, executions, processors: listProcessors() }),
  newNonce: randomUUID,
  onError: (run, error) => logger.error('run not swept', { run, error: error as Error }),
};

/** Every minute. */
export async function handler(): Promise<{ runs: number; failed: number }> {
  const sweep = await sweepRuns(ports);
  if (sweep.runs > 0) logger.info('runs swept', sweep);
  return sweep;
}
