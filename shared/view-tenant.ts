import type { QueueDescription, QueueTenant } from './describe-queue.ts';
import type { CreditAccount, Waiting } from './ports.ts';
import type { RunRecord } from './records.ts';
import type { TenantAdmin } from './tenant-admin.ts';
import { DEFAULT_TENANT_SETTINGS, type TenantSettings } from './tenant-settings.ts';

/** One tenant, as an operator sees it. */
export interface TenantView {
  readonly tenant: string;
  readonly settings: TenantSettings;
  /** Of a tenant that has, or had, any. */
  readonly credits?: CreditAccount;
  readonly openRuns: number;
  /** Runs that wait to be let in. */
  readonly queuedRuns: number;
  /** Of a tenant with a cap: items of its runs that are in, items of those in the line, and what went in the last minutes. */
  readonly waiting?: { readonly items: number; readonly inLine: number; readonly itemsPerSecond?: number };
  /** Of a tenant with work: its share of what workers did lately, 0 to 1, and how far it is ahead of its turn (`QueueTenant`). */
  readonly service?: Pick<QueueTenant, 'share' | 'lagMs'>;
}

/** What is read once for all tenants. */
export interface TenantsSeen {
  readonly runs: readonly RunRecord[];
  readonly queue: QueueDescription;
}

/** Every tenant that has settings or an open run. */
export async function viewTenants(admin: TenantAdmin, queue: QueueDescription): Promise<TenantView[]> {
  const [settings, runs] = await Promise.all([admin.settings.listSettings(), admin.openRuns()]);
  const names = [...new Set([...settings.keys(), ...runs.map(({ tenant }) => tenant)])].sort();
  return Promise.all(names.map((name) => viewOf(name, settings.get(name) ?? DEFAULT_TENANT_SETTINGS, admin, { runs, queue })));
}

export const viewTenant = async (tenant: string, admin: TenantAdmin, seen: TenantsSeen): Promise<TenantView> => viewOf(tenant, await admin.settings.readSettings(tenant), admin, seen);

async function viewOf(tenant: string, settings: TenantSettings, { accounts, room }: TenantAdmin, { runs, queue }: TenantsSeen): Promise<TenantView> {
  const [credits, waiting] = await Promise.all([accounts.read(tenant), room.read(tenant)]);
  const lane = queue.tenants.find((each) => each.tenant === tenant);
  const own = runs.filter((run) => run.tenant === tenant && (run.state === 'open' || run.state === 'stopping'));
  return { tenant, settings, ...(credits && { credits }), openRuns: own.length, queuedRuns: own.filter(({ queued }) => queued).length, ...(waiting && { waiting: countPlaces(waiting) }), ...(lane && { service: { share: lane.share, lagMs: lane.lagMs } }) };
}

export function countPlaces({ waiting, line, itemsPerSecond }: Waiting): NonNullable<TenantView['waiting']> {
  const inLine = Object.values(line).reduce((sum, items) => sum + items, 0);
  return { items: waiting, inLine, ...(itemsPerSecond !== undefined && { itemsPerSecond }) };
}
