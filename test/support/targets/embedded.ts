import { resolve } from 'node:path';
import { synthesise } from '../../../cdk/synthesise.ts';
import { LOCAL_PARAMETERS } from '../../../localstack/deployment.ts';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import { startStack, type EmbeddedStack, type StackOptions } from '../../../localstack/embedded/stack.ts';
import type { Target } from './target.ts';

const ASSEMBLY = resolve(import.meta.dirname, '../../../cdk.out');

/** More than cores: some tests wait for servers that do not answer. */
const WORKERS = 4;

/** A stack of its own for a test file, in memory, on free ports. */
export async function startEmbedded(options: Pick<StackOptions, 'frontFor' | 'sweepEverySeconds'> = {}): Promise<Target & { readonly embedded: EmbeddedStack }> {
  await synthesise(ASSEMBLY);
  const stack = await startStack({ templateFolder: ASSEMBLY, parameters: LOCAL_PARAMETERS, workers: WORKERS, ...options });
  return {
    name: 'embedded',
    endpoint: stack.endpoint,
    region: REGION,
    credentials: stack.credentials,
    outputs: stack.outputs,
    apiEndpoint: (stack.apiEndpoint ?? '').replace(/\/$/, ''),
    invoke: (logicalId, event) => invoke(stack, logicalId, event),
    embedded: stack,
    stop: () => stack.stop(),
  };
}

async function invoke(stack: EmbeddedStack, logicalId: string, event: unknown): Promise<unknown> {
  const answer = await stack.invoke(logicalId, event);
  if (!answer.ok) throw new Error(`the function ${logicalId} failed: ${answer.errorType}: ${answer.errorMessage}`);
  return answer.payload;
}
