import { randomBytes } from 'node:crypto';
import { ALL_SCOPES, createKey, type KeyRecord, type KeyStore, type Scope } from '../../shared/api-keys.ts';
import { UsageError } from '../../shared/errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { CommandContext } from '../settings.ts';

export interface NewKeyOptions {
  /** None: read, submit and manage. */
  readonly scope: readonly string[];
  readonly days?: string;
}

const EVERYDAY_SCOPES: readonly Scope[] = ['read', 'submit', 'manage'];
const DAY_MS = 86_400_000;
const MAX_DAYS = 3650;

/** Keys of the tenant, without their secrets. */
export async function keysCommand(context: CommandContext): Promise<ExitCode> {
  return withKeys(context, async (keys) => {
    const listed = (await keys.list(context.tenant)).map(view);
    tell(context, { keys: listed }, listed.length === 0 ? [`tenant ${context.tenant} has no key: make one with spillway keys create <name>`] : listed.map(describe));
  });
}

/** Makes a key and shows it, this once. */
export async function createKeyCommand(name: string, { scope, days }: NewKeyOptions, context: CommandContext): Promise<ExitCode> {
  const scopes = scope.length === 0 ? EVERYDAY_SCOPES : scope.map(readScope);
  const lifeMs = days === undefined ? undefined : readDays(days) * DAY_MS;
  return withKeys(context, async (keys) => {
    const now = context.terminal.now();
    const { record, text } = createKey({ tenant: context.tenant, scopes: [...new Set(scopes)], name, createdAt: now, ...(lifeMs !== undefined && { expiresAt: now + lifeMs }) }, randomBytes);
    await keys.write(record);
    tell(context, { ...view(record), key: text }, [text, `It is shown this once. ${describe(view(record))}`]);
  });
}

/** Ends a key at once. */
export async function revokeKeyCommand(id: string, context: CommandContext): Promise<ExitCode> {
  return withKeys(context, async (keys) => {
    const record = await keys.read(id);
    if (!record || record.tenant !== context.tenant) throw new UsageError(`expected the id of a key of tenant ${context.tenant}, got ${id}: spillway keys lists them`);
    await keys.remove(record);
    tell(context, { revoked: id }, [`revoked ${id} (${record.name})`]);
  });
}

const view = ({ id, tenant, name, scopes, createdAt, expiresAt }: KeyRecord) => ({ id, tenant, name, scopes, createdAt: new Date(createdAt).toISOString(), ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }) });

const describe = ({ id, tenant, name, scopes, createdAt, expiresAt }: ReturnType<typeof view>): string => `${id}  ${name}  tenant ${tenant}  ${scopes.join(', ')}  since ${createdAt}${expiresAt === undefined ? '' : `, until ${expiresAt}`}`;

function readScope(text: string): Scope {
  const scope = ALL_SCOPES.find((known) => known === text);
  if (!scope) throw new UsageError(`expected --scope to be one of ${ALL_SCOPES.join(', ')}, got ${text}`);
  return scope;
}

function readDays(text: string): number {
  const days = text.trim() === '' ? NaN : Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days;
  throw new UsageError(`expected --days to be an integer from 1 to ${MAX_DAYS}, got ${text}`);
}

function tell({ terminal }: CommandContext, document: object, lines: readonly string[]): void {
  if (terminal.isJson) terminal.print(JSON.stringify(document));
  else for (const line of lines) terminal.print(line);
}

/** Read-only: a stack that is started for this works on nothing. */
async function withKeys({ startBackend, backendOptions }: CommandContext, use: (keys: KeyStore) => Promise<void>): Promise<ExitCode> {
  const backend = await startBackend({ ...backendOptions, isReadOnly: true });
  try {
    await use(backend.keys);
    return EXIT.ok;
  } finally {
    await backend.stop();
  }
}
