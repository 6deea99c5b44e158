import { resolve } from 'node:path';
import { localstackEndpoint, readDeployment } from '../../../localstack/deployment.ts';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import type { Target } from './target.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const HEALTH_TIMEOUT_MS = 5_000;
const REMEDY = 'run `npm run localstack:up && npm run localstack:deploy` first';

/** The stack that was deployed before; it is not stopped by tests. @throws Error with the commands to run if there is none */
export async function findLocalstack(projectFolder = PROJECT): Promise<Target> {
  const endpoint = localstackEndpoint(process.env);
  const deployment = readDeployment(projectFolder, endpoint);
  if (!deployment) throw new Error(`expected Spillway to be deployed to LocalStack at ${endpoint}, but it is not: ${REMEDY}`);
  if (!(await isHealthy(endpoint))) throw new Error(`expected LocalStack at ${endpoint}, but nothing healthy answers there: ${REMEDY}`);
  return {
    name: 'localstack',
    endpoint,
    outputs: deployment.outputs,
    clientConfig: {
      endpoint,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      forcePathStyle: true,
      useQueueUrlAsEndpoint: false,
    },
    stop: () => Promise.resolve(),
  };
}

async function isHealthy(endpoint: string): Promise<boolean> {
  const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) }).catch(() => undefined);
  return answer?.ok ?? false;
}
