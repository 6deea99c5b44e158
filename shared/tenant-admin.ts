import { isPlanned } from './planned-run.ts';
import type { CreditAccounts, RunLedger, TenantStore, WaitingRoom } from './ports.ts';
import type { RunRecord } from './records.ts';
import { releaseInOrder, type ReleasePorts } from './release-queued.ts';

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

/** From then on the tenant is listed, and its runs pay unless its settings say no. @returns `seen` for an id that counted before, `too little` if the balance would fall below 0 */
export async function giveCredits({ accounts, settings }: Pick<TenantAdmin, 'accounts' | 'settings'>, request: { readonly tenant: string; readonly amount: number; readonly id: string }): Promise<'added' | 'seen' | 'too little'> {
  const answer = await accounts.add(request);
  if (answer !== 'too little') await settings.writeSettings(request.tenant, { paysCredits: true, ...(await settings.readSettings(request.tenant)) });
  return answer;
}
