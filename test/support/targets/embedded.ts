import { resolve } from 'node:path';
import { synthesise } from '../../../cdk/synthesise.ts';
import { LOCAL_PARAMETERS } from '../../../localstack/deployment.ts';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import { startStack, type EmbeddedStack, type StackOptions } from '../../../localstack/embedded/stack.ts';
import { CallRecorder } from '../iam/call-recorder.ts';
import { describeCall, findDenied } from '../iam/evaluate.ts';
import { readGrants } from '../iam/grants.ts';
import { readResources } from '../iam/read-template.ts';
import type { Target } from './target.ts';

const ASSEMBLY = resolve(import.meta.dirname, '../../../cdk.out');

/** More than cores: some tests wait for servers that do not answer. */
const WORKERS = 4;

/** A stack of its own for a test file, in memory, on free ports. */
export async function startEmbedded(options: Pick<StackOptions, 'frontFor' | 'sweepEverySeconds'> = {}): Promise<Target & { readonly embedded: EmbeddedStack }> {
  await synthesise(ASSEMBLY);
  const stack = await startStack({ templateFolder: ASSEMBLY, parameters: LOCAL_PARAMETERS, workers: WORKERS, ...options });
  const recorder = new CallRecorder(stack.outputs['StateMachineArn']!);
  stack.onCall(recorder.record);
  return {
    name: 'embedded',
    endpoint: stack.endpoint,
    region: REGION,
    credentials: stack.credentials,
    outputs: stack.outputs,
    apiEndpoint: (stack.apiEndpoint ?? '').replace(/\/$/, ''),
    invoke: (logicalId, event) => invoke(stack, logicalId, event),
    embedded: stack,
    async stop() {
      await stack.stop();
      await expectAllowed(recorder);
    },
  };
}

/** Whatever a test drives: a call that AWS would deny fails it. @throws Error */
async function expectAllowed(recorder: CallRecorder): Promise<void> {
  const denied = findDenied(recorder.calls(), readGrants(await readResources(ASSEMBLY)));
  if (denied.length > 0) throw new Error(`expected every call to be allowed to its caller, got ${denied.map(describeCall).join('; ')}`);
}

async function invoke(stack: EmbeddedStack, logicalId: string, event: unknown): Promise<unknown> {
  const answer = await stack.invoke(logicalId, event);
  if (!answer.ok) throw new Error(`the function ${logicalId} failed: ${answer.errorType}: ${answer.errorMessage}`);
  return answer.payload;
}
