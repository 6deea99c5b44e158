import { isPlanned } from './planned-run.ts';
import type { CreditAccount, CreditAccounts, RunLedger, TenantStore, WaitingRoom } from './ports.ts';
import type { RunRecord } from './records.ts';
import { releaseInOrder, type ReleasePorts } from './release-queued.ts';
import type { TenantSettings } from './tenant-settings.ts';

/** What an operator sees and does of tenants. */
export interface TenantAdmin {
  readonly settings: TenantStore;
  readonly accounts: CreditAccounts;
  readonly room: Pick<WaitingRoom, 'read'>;
  /** Of all tenants. */
  openRuns(): Promise<readonly RunRecord[]>;
  /** Lets in what may go on now. @returns how many runs that were */
  release(tenant: string): Promise<number>;
  /** Makes the dispatcher look at the tenant again. */
  reread(tenant: string): Promise<void>;
}

type AdminPorts = ReleasePorts & { readonly ledger: Pick<RunLedger, 'listOpen' | 'readRun' | 'setQueued'>; readonly tenants: TenantStore; readonly accounts: CreditAccounts; readonly room: Pick<WaitingRoom, 'enter' | 'read'> };

/** The dispatcher reads a tenant's settings with any of its runs. */
const RUNS_TOLD = 10;

export function createTenantAdmin(ports: AdminPorts): TenantAdmin {
  const { ledger, tenants, accounts, dispatchQueue, newNonce } = ports;
  const openRuns = async () => {
    const runs = await Promise.all((await ledger.listOpen()).map(({ run }) => ledger.readRun(run)));
    return runs.filter((run) => run !== undefined);
  };
  const openRunsOf = async (tenant: string) => (await openRuns()).filter((run) => run.tenant === tenant);
  return {
    settings: tenants,
    accounts,
    room: ports.room,
    openRuns,
    async release(tenant) {
      const queued = (await openRunsOf(tenant)).filter((run) => isPlanned(run)).filter((run) => run.queued !== undefined);
      return releaseInOrder(queued, ports);
    },
    async reread(tenant) {
      for (const { run } of (await openRunsOf(tenant)).slice(0, RUNS_TOLD)) await dispatchQueue.send({ v: 1, type: 'heal', run }, `heal/${newNonce()}`);
    },
  };
}

/** Replaces all settings, and lets them work at once. @returns how many waiting runs go on */
export async function changeSettings(admin: TenantAdmin, tenant: string, settings: TenantSettings): Promise<number> {
  await admin.settings.writeSettings(tenant, settings);
  await admin.reread(tenant);
  return admin.release(tenant);
}

/**
 * From then on the tenant is listed, and its runs pay unless its settings say no; those that waited for credits go on.
 * @returns `seen` for an id that counted before, `too little` if the balance would fall below 0
 */
export async function giveCredits({ accounts, settings, release }: TenantAdmin, request: { readonly tenant: string; readonly amount: number; readonly id: string }): Promise<{ readonly change: 'added' | 'seen' | 'too little'; readonly released: number }> {
  const { tenant } = request;
  const change = await accounts.add(request);
  if (change !== 'too little') await settings.writeSettings(tenant, { paysCredits: true, ...(await settings.readSettings(tenant)) });
  return { change, released: change === 'added' ? await release(tenant) : 0 };
}

export const NO_CREDITS: CreditAccount = { balance: 0, held: 0, charged: 0 };
