import { Logger } from '@aws-lambda-powertools/logger';
import { listProcessors } from '../../processors/registry.ts';
import { type Admission, admitRun } from '../../shared/admission.ts';
import { createDynamo, createS3, createSfn } from '../../shared/aws/clients.ts';
import { createExecutions } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { uploadOf } from '../../shared/upload-event.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'MANIFESTS_BUCKET', 'STATE_MACHINE_ARN']);
const logger = new Logger();
const ports = {
  ledger: createRunLedger(createDynamo(), configuration.PROGRESS_TABLE),
  manifests: createObjectStore(createS3(), configuration.MANIFESTS_BUCKET),
  executions: createExecutions(createSfn(), configuration.STATE_MACHINE_ARN),
  processors: listProcessors(),
};

/** EventBridge: an object was created in the bucket of manifests. An event that can't be read ends, after Lambda's retries, among the failed events. */
export async function handler(event: unknown): Promise<Admission> {
  const upload = uploadOf(event);
  const admission = await admitRun(upload, ports);
  logger.info('upload admitted', { key: upload.source.key, ...admission });
  return admission;
}
