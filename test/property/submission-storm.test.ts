import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCreditAccounts } from '../../shared/aws/credit-accounts.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { ManifestRefusedError } from '../../shared/errors.ts';
import { letIn } from '../../shared/let-in.ts';
import type { PlannedRun, QueuedState } from '../../shared/records.ts';
import { leaveRoom, type LeavePorts } from '../../shared/release-queued.ts';
import { settleCredits } from '../../shared/settle-credits.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { aRun } from '../support/ledger-fixtures.ts';

/** REQUESTS=5000 is the whole storm. */
const REQUESTS = Number(process.env['REQUESTS'] ?? 600);
const TENANTS = 100;
const CAP = 60;
const PER_ITEM = 3;
/** Every third tenant can't pay everything at first. */
const POOR = 100;
const RICH = 1_000_000;

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('tenants', ['pk', 'sort']);
});
afterAll(() => dynamo.stop());

const tenantName = (n: number): string => `tenant-${n % TENANTS}`;
const isPoor = (n: number): boolean => n % 3 === 0;
const startOf = (n: number): number => (isPoor(n) ? POOR : RICH);
const itemsOf = ({ totals }: PlannedRun): number => totals.items;

it(`${REQUESTS} submissions by ${TENANTS} tenants at once: each is in, waits or is refused with a wait; in the end nothing is left over, and every credit is accounted for`, async () => {
  const settings = createTenantStore(dynamo.client, 'tenants');
  await settings.writeSettings('*', tenantSettingsSchema.parse({ paysCredits: true }));
  const accounts = createCreditAccounts(dynamo.client, 'tenants', () => 0);
  const credits = createCredits(dynamo.client, 'tenants', () => 0);
  const room = createWaitingRoom(dynamo.client, 'tenants');
  const runs = new Map<string, PlannedRun>();
  const told: string[] = [];
  const ledger = {
    readRun: async (run: string) => runs.get(run),
    setQueued: async (run: string, queued: QueuedState | undefined) => {
      const { queued: _, ...record } = runs.get(run)!;
      runs.set(run, { ...record, ...(queued && { queued }) });
    },
  };
  const dispatchQueue = { send: async (message: { readonly type: string; readonly run?: string }) => void told.push(message.run!) };
  const ports: LeavePorts = { ledger, credits, room, tenants: settings, maxWaitingItemsOf: () => CAP, clock: () => 0, dispatchQueue, newNonce: () => 'n' };
  for (let n = 0; n < TENANTS; n++) {
    await settings.writeSettings(tenantName(n), tenantSettingsSchema.parse({ onFull: n % 4 === 0 ? 'refuse' : 'wait' }));
    await accounts.add({ tenant: tenantName(n), amount: startOf(n), id: 'start' });
    // What a tenant did before tells how long it takes.
    await room.enter({ tenant: tenantName(n), run: 'before', items: 1, cap: CAP, joinsLine: false });
    await room.leave(tenantName(n), 'before');
    await room.noteRate(tenantName(n), { itemsPerSecond: 2, at: 0, gone: 1 });
  }
  const refusals: string[] = [];
  const submit = async (n: number): Promise<void> => {
    const run = aRun({ run: `r${n}`, tenant: tenantName(n), credits: { perItem: PER_ITEM }, plan: 'p', totals: { rows: 1, invalid: 0, items: 1 + (n % 20), duplicates: 0, shards: 1 } }) as PlannedRun;
    runs.set(run.run, run);
    await letIn(run, ports).catch(async (error: unknown) => {
      if (!(error instanceof ManifestRefusedError)) throw error;
      refusals.push(error.message);
      runs.delete(run.run);
      // As the state machine's Fail does.
      await settleCredits(run, 0, credits);
    });
  };
  await Promise.all(Array.from({ length: REQUESTS }, (_, n) => submit(n)));

  for (const sentence of refusals) expect(sentence).toMatch(/again in about \d+ s$|add credits and upload the manifest again$/);
  const queued = [...runs.values()].flatMap(({ queued: why }) => (why ? [why] : []));
  for (const why of queued) if (why.reason === 'waiting') expect(why.waitSeconds).toBeGreaterThan(0);
  expect(queued.length).toBeGreaterThan(0);
  for (const [tenant, { waiting, holds }] of await room.list()) {
    expect({ tenant, isWithinCap: waiting <= CAP, sum: Object.values(holds).reduce((sum, each) => sum + each, 0) }).toEqual({ tenant, isWithinCap: true, sum: waiting });
  }

  let charged = 0;
  const end = async (run: PlannedRun): Promise<void> => {
    await settleCredits(run, itemsOf(run), credits);
    charged += itemsOf(run) * PER_ITEM;
    runs.delete(run.run);
    await leaveRoom(run, ports);
  };
  for (let n = 0; n < TENANTS; n++) if (isPoor(n)) await accounts.add({ tenant: tenantName(n), amount: RICH, id: 'more' });
  // The ends let in who waits for places; who waited for credits is asked by the sweep.
  while (runs.size > 0) {
    const running = [...runs.values()].filter((run) => run.queued === undefined);
    await Promise.all([...Map.groupBy(running, ({ tenant }) => tenant).values()].map(async (own) => {
      for (const run of own) await end(run);
    }));
    for (const run of runs.values()) if (run.queued?.reason === 'credits') await letIn(run, ports);
  }
  const left = [...(await room.list()).values()].filter(({ waiting, holds, line }) => waiting !== 0 || Object.keys(holds).length + Object.keys(line).length > 0);
  expect(left).toEqual([]);
  let balance = 0;
  for (let n = 0; n < TENANTS; n++) {
    const account = (await accounts.read(tenantName(n)))!;
    expect(account.held).toBe(0);
    balance += account.balance + account.charged;
  }
  expect(balance).toBe(Array.from({ length: TENANTS }, (_, n) => startOf(n) + (isPoor(n) ? RICH : 0)).reduce((sum, each) => sum + each, 0));
  let paid = 0;
  for (let n = 0; n < TENANTS; n++) paid += (await accounts.read(tenantName(n)))!.charged;
  expect(paid).toBe(charged);
  expect(told.length).toBeGreaterThan(0);
});
