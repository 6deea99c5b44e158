import { randomUUID } from 'node:crypto';
import { UsageError } from '../../shared/errors.ts';
import { isTenantId } from '../../shared/names.ts';
import type { CreditAccount } from '../../shared/ports.ts';
import { ALL_TENANTS, type TenantSettings, tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import type { TenantView } from '../../shared/view-tenant.ts';
import { createTenantDesk, type TenantDesk } from '../desks.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { onStack } from '../on-stack.ts';
import { formatCount } from '../progress.ts';
import { createRemoteTenants } from '../remote/remote-desks.ts';
import { describeState } from '../run-state.ts';
import { type CommandContext, readRunOptions } from '../settings.ts';

/** Every tenant that has settings or an open run. */
export async function tenantsCommand(context: CommandContext): Promise<ExitCode> {
  return withDesk(context, async (desk) => {
    const views = await desk.list();
    tell(context, { tenants: views }, views.length === 0 ? ['no tenant has settings or an open run'] : views.map((view) => describeTenant(view)));
    return EXIT.ok;
  });
}

/** All settings of one tenant, its credits, and its runs that wait. */
export async function showTenantCommand(tenant: string, context: CommandContext): Promise<ExitCode> {
  checkTenant(tenant);
  return withDesk(context, async (desk) => {
    const { view, queued } = await desk.show(tenant);
    const settings = Object.entries(view.settings).map(([name, value]) => `  ${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
    const lines = [describeTenant(view), ...settings, ...queued.map((run) => `  run ${run.run}: ${describeState(run)}`)];
    tell(context, { ...view, queued: queued.map(({ run, queued: why }) => ({ run, ...why })) }, lines);
    return EXIT.ok;
  });
}

/** Changes single settings; `unset` gives them their defaults back. @throws UsageError for a value that the schema refuses */
export async function setTenantCommand(tenant: string, pairs: readonly string[], { unset }: { readonly unset: readonly string[] }, context: CommandContext): Promise<ExitCode> {
  checkTenant(tenant);
  if (pairs.length + unset.length === 0) throw new UsageError('expected a setting such as weight=3, or --unset weight');
  checkNames(unset);
  const changes = readRunOptions(pairs);
  return withDesk(context, async (desk) => {
    const before = Object.entries(await desk.readSettings(tenant)).filter(([name]) => !unset.includes(name));
    const settings = readSettings({ ...Object.fromEntries(before), ...changes });
    const released = await desk.writeSettings(tenant, settings);
    tell(context, { tenant, settings, released }, [`tenant ${tenant}: ${describeSettings(settings)}${describeReleased(released)}`]);
    return EXIT.ok;
  });
}

export interface CreditOptions {
  readonly add?: string;
  readonly set?: string;
  readonly id?: string;
}

/** Adds credits, or takes the balance to a figure, and lets in what waited for them. Without an amount it shows them. */
export async function creditsCommand(tenant: string, options: CreditOptions, context: CommandContext): Promise<ExitCode> {
  checkTenant(tenant);
  const { add, set, id = randomUUID() } = options;
  if (add !== undefined && set !== undefined) throw new UsageError('expected --add or --set, got both');
  const given = readCredits(add === undefined ? '--set' : '--add', add ?? set);
  return withDesk(context, async (desk) => {
    const { change, released } = given === undefined ? { change: undefined, released: 0 } : await changeCredits(desk, { tenant, amount: given, isAbsolute: set !== undefined, id });
    const credits = await desk.readCredits(tenant);
    const note = change === 'seen' ? `; ${id} was counted already` : '';
    tell(context, { tenant, credits, ...(change && { change }), released }, [`tenant ${tenant}: ${describeCredits(credits)}${note}${describeReleased(released)}`]);
    return EXIT.ok;
  });
}

async function changeCredits(desk: TenantDesk, { tenant, amount, isAbsolute, id }: { tenant: string; amount: number; isAbsolute: boolean; id: string }): Promise<{ change: 'added' | 'seen'; released: number }> {
  const { balance } = await desk.readCredits(tenant);
  const { change, released } = await desk.giveCredits({ tenant, amount: isAbsolute ? amount - balance : amount, id });
  if (change === 'too little') throw new UsageError(`the balance of tenant ${tenant} changed meanwhile: try again`);
  return { change, released };
}

function readCredits(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`expected ${name} to be a whole number of credits from 0, got ${text}`);
}

function readSettings(given: Record<string, unknown>): TenantSettings {
  const parsed = tenantSettingsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new UsageError(`the settings are wrong: ${parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `\`${path.join('.')}\`: ${message}`)).join('; ')}`);
}

function checkNames(names: readonly string[]): void {
  const known = Object.keys(tenantSettingsSchema.shape);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`expected --unset to name one of ${known.join(', ')}, got ${unknown}`);
}

function checkTenant(tenant: string): void {
  if (!isTenantId(tenant) && tenant !== ALL_TENANTS) throw new UsageError(`expected a tenant of 1 to 63 lower-case letters, digits and hyphens, got ${tenant}`);
}

function describeTenant({ tenant, settings, credits, openRuns, queuedRuns, waiting: room, service }: TenantView): string {
  const turn = service ? [`share ${Math.round(100 * service.share)} %, ahead ${(service.lagMs / 1000).toFixed(1)} s`] : [];
  const items = room ? [`${formatCount(room.items)} items waiting, ${formatCount(room.inLine)} in line${room.itemsPerSecond === undefined ? '' : `, ${formatRate(room.itemsPerSecond)} items/s`}`] : [];
  const waiting = queuedRuns > 0 ? ` (${formatCount(queuedRuns)} waiting)` : '';
  return [tenant, describeSettings(settings), ...(credits ? [describeCredits(credits)] : []), ...items, ...turn, `${formatCount(openRuns)} open runs${waiting}`].join('  ');
}

const formatRate = (itemsPerSecond: number): string => itemsPerSecond.toLocaleString('en', { maximumSignificantDigits: 2 });

const describeSettings = ({ weight, maxInFlight, maxWaitingItems, onFull, paysCredits }: TenantSettings): string =>
  [`weight ${weight}`, `in flight ${maxInFlight ?? 'any'}`, `waiting ${maxWaitingItems === undefined ? 'any' : formatCount(maxWaitingItems)}`, ...(onFull === 'refuse' ? ['refuses when full'] : []), ...(paysCredits ? ['pays credits'] : [])].join(', ');

const describeCredits = ({ balance, held, charged }: CreditAccount): string => `credits ${formatCount(balance)}, held ${formatCount(held)}, charged ${formatCount(charged)}`;

const describeReleased = (released: number): string => (released > 0 ? `; ${formatCount(released)} waiting run${released === 1 ? ' goes' : 's go'} on` : '');

function tell({ terminal }: CommandContext, document: object, lines: readonly string[]): void {
  if (terminal.isJson) terminal.print(JSON.stringify(document));
  else for (const line of lines) terminal.print(line);
}

const withDesk = (context: CommandContext, use: (desk: TenantDesk) => Promise<ExitCode>): Promise<ExitCode> =>
  onStack(context, { far: (client) => use(createRemoteTenants(client)), here: (backend) => use(createTenantDesk(backend)) });
