import { randomBytes } from 'node:crypto';
import { createClient } from '../../client/spillway-client.ts';
import { ALL_SCOPES, createKey, type KeyStore, type Scope, SCOPES } from '../../shared/api-keys.ts';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createKeyStore } from '../../shared/aws/key-table.ts';
import { readStackOutputs } from '../../shared/aws/stack-outputs.ts';
import { ConfigurationError, UsageError } from '../../shared/errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { writeProfile, type Profile } from '../remote/profile.ts';
import type { CommandContext } from '../settings.ts';

export interface LoginOptions {
  /** Makes a key in this deployed stack. */
  readonly stack?: string;
  readonly region?: string;
  /** Of the API; beside `stack`: instead of what its outputs say. */
  readonly url?: string;
  readonly profile: string;
  /** The new key may also do what only an operator may. */
  readonly operator?: true;
}

type Environment = Readonly<Record<string, string | undefined>>;

const KEY_NAME = 'spillway login';

/** Writes a profile: with a key that was given (SPILLWAY_KEY), else with a new one of a stack that this user may write to. */
export async function loginCommand(options: LoginOptions, environment: Environment, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const profile = await obtain(options, environment, context);
  await createClient(profile).listRuns({ limit: 1 });
  const file = await writeProfile(options.profile, profile, environment);
  if (terminal.isJson) terminal.print(JSON.stringify({ profile: options.profile, url: profile.url, file }));
  else {
    terminal.print(`profile ${options.profile} speaks to ${profile.url}; its key is in ${file}`);
    terminal.print(`next: spillway submit <folder or manifest> -p <processor> --wait${options.profile === 'default' ? '' : ` --profile ${options.profile}`}`);
  }
  return EXIT.ok;
}

async function obtain({ stack, region, url, operator }: LoginOptions, environment: Environment, context: CommandContext): Promise<Profile> {
  const scopes = operator ? ALL_SCOPES : SCOPES;
  if (stack !== undefined) return ofStack(stack, { region, url, scopes }, context);
  if (url === undefined) return ofThisMachine(scopes, context);
  const key = environment['SPILLWAY_KEY'];
  if (!URL.canParse(url)) throw new UsageError(`expected --url to be the address of an API, got ${url}`);
  if (!key) throw new UsageError('expected the key in the environment variable SPILLWAY_KEY beside --url: a key in the command line is seen by others');
  return { url, key };
}

async function ofStack(stack: string, { region, url, scopes }: { readonly region: string | undefined; readonly url: string | undefined; readonly scopes: readonly Scope[] }, context: CommandContext): Promise<Profile> {
  const outputs = await readStackOutputs(stack, region);
  const { ApiUrl: api, TenantsTable: table } = outputs;
  if (api === undefined || table === undefined) throw new ConfigurationError(`expected ${stack} to be a stack of Spillway with the outputs ApiUrl and TenantsTable, it has ${Object.keys(outputs).join(', ') || 'none'}`);
  const keys = createKeyStore(createDynamo(region === undefined ? {} : { region }), table);
  return { url: url ?? api, key: await makeKey(keys, scopes, context), stack };
}

async function ofThisMachine(scopes: readonly Scope[], context: CommandContext): Promise<Profile> {
  const backend = await context.startBackend({ ...context.backendOptions, isReadOnly: true });
  try {
    if (!backend.isElsewhere || backend.apiEndpoint === undefined) throw new UsageError('expected --stack or --url, or a stack on this machine that stays: `spillway up` in another terminal');
    return { url: backend.apiEndpoint, key: await makeKey(backend.keys, scopes, context) };
  } finally {
    await backend.stop();
  }
}

async function makeKey(keys: KeyStore, scopes: readonly Scope[], { tenant, terminal }: CommandContext): Promise<string> {
  const { record, text } = createKey({ tenant, scopes, name: KEY_NAME, createdAt: terminal.now() }, randomBytes);
  await keys.write(record);
  return text;
}
