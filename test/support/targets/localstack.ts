import { resolve } from 'node:path';
import { STACK_NAME } from '../../../cdk/assemble.ts';
import { localstackEndpoint, readDeployment } from '../../../localstack/deployment.ts';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import type { Target } from './target.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const HEALTH_TIMEOUT_MS = 5_000;
const REMEDY = 'run `npm run localstack:up && npm run localstack:deploy` first';

/** The stack that was deployed before; it is not stopped by tests. @throws Error with the commands to run if there is none */
export async function findLocalstack(): Promise<Target> {
  const endpoint = localstackEndpoint(process.env);
  const deployment = readDeployment(PROJECT, endpoint);
  if (!deployment) throw new Error(`expected Spillway to be deployed to LocalStack at ${endpoint}, but it is not: ${REMEDY}`);
  const functionNames = await listFunctions(endpoint);
  return {
    name: 'localstack',
    endpoint,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    outputs: deployment.outputs,
    apiEndpoint: (deployment.outputs['ApiUrl'] ?? '').replace(/\/$/, ''),
    invoke: (logicalId, event) => invoke(endpoint, physicalName(functionNames, logicalId), event),
    stop: () => Promise.resolve(),
  };
}

/** Physical names of every function. */
export async function listFunctions(endpoint: string): Promise<string[]> {
  const answer = await fetch(`${endpoint}/2015-03-31/functions?MaxItems=50`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) }).catch(() => undefined);
  if (!answer?.ok) throw new Error(`expected LocalStack at ${endpoint}, but nothing answers there: ${REMEDY}`);
  const { Functions } = (await answer.json()) as { Functions: { FunctionName: string }[] };
  return Functions.map(({ FunctionName }) => FunctionName);
}

/** CloudFormation names what has no name `<stack>-<logical id>-<random>`. */
function physicalName(names: readonly string[], logicalId: string): string {
  const name = names.find((candidate) => candidate.startsWith(`${STACK_NAME}-${logicalId}-`));
  if (!name) throw new Error(`expected a function ${logicalId} on LocalStack, found ${names.join(', ') || 'none'}: ${REMEDY}`);
  return name;
}

async function invoke(endpoint: string, name: string, event: unknown): Promise<unknown> {
  const answer = await fetch(`${endpoint}/2015-03-31/functions/${name}/invocations`, { method: 'POST', body: JSON.stringify(event) });
  const text = await answer.text();
  if (!answer.ok || answer.headers.has('x-amz-function-error')) throw new Error(`the function ${name} failed: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
