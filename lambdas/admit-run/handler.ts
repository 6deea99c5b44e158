import { Logger } from '@aws-lambda-powertools/logger';
import type { S3ObjectCreatedNotificationEvent } from 'aws-lambda';
import { listProcessors } from '../../processors/registry.ts';
import { type Admission, admitRun } from '../../shared/admission.ts';
import { createDynamo, createS3, createSfn } from '../../shared/aws/clients.ts';
import { createExecutions } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'MANIFESTS_BUCKET', 'STATE_MACHINE_ARN']);
const logger = new Logger();
const ports = {
  ledger: createRunLedger(createDynamo(), configuration.PROGRESS_TABLE),
  manifests: createObjectStore(createS3(), configuration.MANIFESTS_BUCKET),
  executions: createExecutions(createSfn(), configuration.STATE_MACHINE_ARN),
  processors: listProcessors(),
};

/** EventBridge: an object was created in the bucket of manifests. */
export async function handler(event: S3ObjectCreatedNotificationEvent): Promise<Admission> {
  const { bucket, object } = event.detail;
  const source = {
    bucket: bucket.name,
    key: object.key,
    version: object['version-id'] ?? '',
    bytes: object.size,
    etag: object.etag,
  };
  const admission = await admitRun({ source, uploadedAt: event.time }, ports);
  logger.info('upload admitted', { key: source.key, ...admission });
  return admission;
}
