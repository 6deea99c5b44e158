import { AccessKeys } from '../../../localstack/embedded/front/credentials.ts';
import { STACK_NAME } from '../../../cdk/assemble.ts';
import { type FaultFront, startFaultFront } from '../faults/fault-front.ts';
import { findLocalstack, listFunctions } from './localstack.ts';
import { readTargetName, type Target } from './target.ts';

/** A target whose functions call the services through a fault front; the test itself does not. */
export interface FaultTarget {
  readonly target: Target;
  readonly front: FaultFront;
  /** Also gives functions of a stack that stays their own way back. */
  stop(): Promise<void>;
}

export const startFaultTarget = (onError: (error: unknown) => void): Promise<FaultTarget> =>
  readTargetName(process.env) === 'localstack' ? routeLocalstack(onError) : startEmbeddedBehindFront(onError);

async function startEmbeddedBehindFront(onError: (error: unknown) => void): Promise<FaultTarget> {
  const { startEmbedded } = await import('./embedded.ts');
  const keys = new AccessKeys();
  let front: FaultFront | undefined;
  const target = await startEmbedded({
    frontFor: async (endpoint) => {
      front = await startFaultFront({ target: endpoint, callerOf: ({ accessKeyId }) => keys.principalOf(accessKeyId) ?? 'nobody', onError });
      return front.endpoint;
    },
  });
  for (const { principal } of target.embedded.roles) if (principal !== undefined) keys.credentialsFor(principal);
  return {
    target,
    front: front!,
    async stop() {
      await target.stop();
      await front!.stop();
    },
  };
}

async function routeLocalstack(onError: (error: unknown) => void): Promise<FaultTarget> {
  const target = await findLocalstack();
  // There every function has the same key.
  const front = await startFaultFront({ target: target.endpoint, callerOf: ({ appId }) => appId ?? 'nobody', onError });
  const functions = (await listFunctions(target.endpoint)).filter((name) => name.startsWith(`${STACK_NAME}-`));
  const own = await Promise.all(functions.map((name) => readEnvironment(target.endpoint, name)));
  const setAll = async (more: (name: string) => Record<string, string>): Promise<void> => {
    await Promise.all(functions.map((name, i) => writeEnvironment(target.endpoint, name, { ...own[i], ...more(name) })));
    await new Promise((resolve) => setTimeout(resolve, LAST_POLL_MS));
  };
  const stop = async (): Promise<void> => {
    await setAll(() => ({}));
    await front.stop();
  };
  try {
    await setAll((name) => ({ AWS_ENDPOINT_URL: front.endpoint, AWS_SDK_UA_APP_ID: name.split('-')[1]! }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { target, front, stop };
}

interface FunctionConfiguration {
  readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
  readonly LastUpdateStatus?: string;
}

const UPDATE_TIMEOUT_MS = 60_000;
/**
 * LocalStack goes on to poll for a replaced function's events, until one of its few threads has ended that poller's wait of two seconds. An event
 * that it still gets hides for the function's time-out and a minute.
 */
const LAST_POLL_MS = 10_000;

const configurationUrl = (endpoint: string, name: string): string => `${endpoint}/2015-03-31/functions/${name}/configuration`;

async function readConfiguration(endpoint: string, name: string, init?: RequestInit): Promise<FunctionConfiguration> {
  const answer = await fetch(configurationUrl(endpoint, name), init);
  if (!answer.ok) throw new Error(`expected the configuration of ${name}, got ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as FunctionConfiguration;
}

const readEnvironment = async (endpoint: string, name: string): Promise<Readonly<Record<string, string>>> => (await readConfiguration(endpoint, name)).Environment?.Variables ?? {};

/** @returns when new invocations have it */
async function writeEnvironment(endpoint: string, name: string, Variables: Readonly<Record<string, string>>): Promise<void> {
  await readConfiguration(endpoint, name, { method: 'PUT', body: JSON.stringify({ Environment: { Variables } }) });
  const giveUpAt = Date.now() + UPDATE_TIMEOUT_MS;
  for (;;) {
    const { LastUpdateStatus: status } = await readConfiguration(endpoint, name);
    if (status === 'Successful') return;
    if (status === 'Failed' || Date.now() > giveUpAt) throw new Error(`expected the update of ${name} to succeed, it is ${status ?? 'unknown'}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
