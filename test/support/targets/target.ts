/** A running stack that the integration tests talk to, whatever runs it. */
export interface Target {
  readonly name: TargetName;
  /** `http://127.0.0.1:<port>`: all services answer there. */
  readonly endpoint: string;
  /** The template's outputs, by name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** For any client of the SDK; S3 by path. */
  readonly clientConfig: TargetClientConfig;
  /** Ends what `startTarget` started; a stack that was there before stays. */
  stop(): Promise<void>;
}

export const TARGET_NAMES = ['embedded', 'localstack'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

export interface TargetClientConfig {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly forcePathStyle: true;
  readonly useQueueUrlAsEndpoint: false;
}

/** The name in TARGET; embedded if there is none. @throws Error naming the known targets */
export function readTargetName(environment: NodeJS.ProcessEnv): TargetName {
  const asked = environment['TARGET'] || 'embedded';
  const known = TARGET_NAMES.find((name) => name === asked);
  if (!known) throw new Error(`expected TARGET to be ${TARGET_NAMES.join(' or ')}, got \`${asked}\``);
  return known;
}

/** An output that a test can't do without. @throws Error naming those that are there */
export function outputOf(target: Target, name: string): string {
  const value = target.outputs[name];
  if (value === undefined) throw new Error(`expected the stack to have the output ${name}, it has ${Object.keys(target.outputs).join(', ') || 'none'}`);
  return value;
}
