import { ALL_SCOPES, type Scope } from '../../shared/api-keys.ts';
import { UsageError } from '../../shared/errors.ts';
import { createKeyDesk, type KeyDesk, type OwnedKeyView } from '../desks.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { onStack } from '../on-stack.ts';
import { createRemoteKeys } from '../remote/remote-desks.ts';
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
  return withKeys(context, async (desk) => {
    const keys = await desk.list();
    tell(context, { keys }, keys.length === 0 ? [`${desk.owner} has no key: make one with spillway keys create <name>`] : keys.map(describe));
  });
}

/** Makes a key and shows it, this once. */
export async function createKeyCommand(name: string, { scope, days }: NewKeyOptions, context: CommandContext): Promise<ExitCode> {
  const scopes = scope.length === 0 ? EVERYDAY_SCOPES : [...new Set(scope.map(readScope))];
  const lifeMs = days === undefined ? undefined : readDays(days) * DAY_MS;
  return withKeys(context, async (desk) => {
    const { view, text } = await desk.create({ name, scopes, lifeMs });
    tell(context, { ...view, key: text }, [text, `It is shown this once. ${describe(view)}`]);
  });
}

/** Ends a key at once. */
export async function revokeKeyCommand(id: string, context: CommandContext): Promise<ExitCode> {
  return withKeys(context, async (desk) => {
    const name = await desk.revoke(id);
    if (name === undefined) throw new UsageError(`expected the id of a key of ${desk.owner}, got ${id}: spillway keys lists them`);
    tell(context, { revoked: id }, [`revoked ${id} (${name})`]);
  });
}

const describe = ({ id, tenant, name, scopes, createdAt, expiresAt }: OwnedKeyView): string => `${id}  ${name}  ${tenant === undefined ? '' : `tenant ${tenant}  `}${scopes.join(', ')}  since ${createdAt}${expiresAt === undefined ? '' : `, until ${expiresAt}`}`;

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

async function withKeys(context: CommandContext, use: (desk: KeyDesk) => Promise<void>): Promise<ExitCode> {
  const { tenant, terminal } = context;
  await onStack(context, { far: (client) => use(createRemoteKeys(client)), here: ({ keys }) => use(createKeyDesk(keys, { tenant, now: () => terminal.now() })) });
  return EXIT.ok;
}
