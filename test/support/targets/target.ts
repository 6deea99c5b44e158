import type { EmbeddedStack } from '../../../localstack/embedded/stack.ts';

/** A running stack that the integration tests talk to, whatever runs it. */
export interface Target {
  readonly name: TargetName;
  /** `http://127.0.0.1:<port>`: all services answer there, S3 by path. */
  readonly endpoint: string;
  readonly region: string;
  /** The operator's: what a test does is no function's call. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The template's outputs, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The REST API's stage, without a slash at its end. */
  readonly apiEndpoint: string;
  /** Runs a function, named by its logical id, and waits. @returns its payload @throws Error when the function failed */
  invoke(logicalId: string, event: unknown): Promise<unknown>;
  /** What only the embedded stack can: show who called what, kill an environment, read logs. */
  readonly embedded?: EmbeddedStack;
  /** Ends what `startTarget` started; a stack that was there before stays. */
  stop(): Promise<void>;
}

export const TARGET_NAMES = ['embedded', 'localstack'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** The name in TARGET; embedded if there is none. @throws Error naming the known targets */
export function readTargetName(environment: NodeJS.ProcessEnv): TargetName {
  const asked = environment['TARGET'] || 'embedded';
  const known = TARGET_NAMES.find((name) => name === asked);
  if (!known) throw new Error(`expected TARGET to be ${TARGET_NAMES.join(' or ')}, got \`${asked}\``);
  return known;
}
