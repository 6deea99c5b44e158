import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { eraseRuns, type ErasePorts } from '../../../lambdas/erase-runs/erase-runs.ts';
import { createRunErasures } from '../../../shared/aws/run-erasures.ts';
import { createRunLedger } from '../../../shared/aws/run-ledger.ts';
import { runPrefix } from '../../../shared/names.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { DEFAULT_TENANT_SETTINGS, type TenantSettings } from '../../../shared/tenant-settings.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { aRun, aShard, aSource } from '../../support/ledger-fixtures.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-06-30T12:00:00.000Z');
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let tables = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
});
afterAll(() => dynamo.stop());

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  world = await createWorld();
});

async function createWorld() {
  const table = `progress-${++tables}`;
  await dynamo.createTable(table, ['pk', 'sort']);
  const [ledger, erasures] = [createRunLedger(dynamo.client, table), createRunErasures(dynamo.client, table)];
  const results = new MemoryObjectStore('results');
  const settings = new Map<string, TenantSettings>();
  const versions: string[] = [];
  let now = NOW;
  const ports: ErasePorts = {
    erasures,
    ledger,
    tenants: { listSettings: async () => settings },
    results,
    resultsRemover: { remove: async (keys) => keys.forEach((key) => results.delete(key)) },
    manifestsRemover: { removeVersion: async ({ key, version }) => void versions.push(`${key} ${version}`) },
    clock: () => now,
    onError: () => undefined,
  };
  const keep = (tenant: string, retentionDays: number): unknown => settings.set(tenant, { ...DEFAULT_TENANT_SETTINGS, retentionDays });

  /** An ended run with a file and a shard. */
  async function addRun(run: string, { tenant = 'acme', daysAgo = 1, state = 'finished' }: { tenant?: string; daysAgo?: number; state?: RunRecord['state'] } = {}): Promise<RunRecord> {
    const at = new Date(NOW - daysAgo * DAY_MS).toISOString();
    const source = aSource({ key: `${tenant}/noop/${run}.txt` });
    const record = aRun({ run, tenant, source, createdAt: at, plan: 'p1', totals: { rows: 1, items: 1, invalid: 0, duplicates: 0, shards: 1 } });
    await ledger.admit(record, { v: 1, run, source, uploadedAt: at } as never);
    await ledger.putShard(aShard([1], { run }));
    await ledger.addDone(run, 0);
    await results.write(`${runPrefix(tenant, run)}manifest.json`, '{}', 'application/json');
    if (state === 'open') return record;
    await ledger.takeOffOpen(run);
    return ledger.markEnded(run, { state: state as 'finished', finishedAt: at });
  }
  const listed = async (tenant?: string) => (await ledger.listRuns(tenant, 100)).map(({ run }) => run);
  const filesOf = async (tenant: string, run: string) => (await Array.fromAsync(results.list(runPrefix(tenant, run)))).length;
  return { ledger, erasures, results, versions, ports, keep, addRun, listed, filesOf, setNow: (ms: number) => void (now = ms) };
}

it('a deleted run is in no list at once, and nothing of it is left after the erasure; its record goes after a week', async () => {
  const { ledger, erasures, versions, ports, addRun, listed, filesOf } = world;
  const run = await addRun('gone');
  await addRun('kept');
  expect(await erasures.markDeleted(run, NOW)).toBe(true);
  expect(await listed()).toEqual(['kept']);
  expect(await listed('acme')).toEqual(['kept']);
  expect(await filesOf('acme', 'gone')).toBe(1);
  expect(await eraseRuns(ports)).toEqual({ expired: 0, erased: 1, failed: 0 });
  expect([await filesOf('acme', 'gone'), await filesOf('acme', 'kept')]).toEqual([0, 1]);
  expect(versions).toEqual([`${run.source.key} ${run.source.version}`]);
  expect(await ledger.readShards('gone', [0])).toEqual([]);
  expect((await ledger.readDone('gone')).size).toBe(0);
  expect(await ledger.readRun('gone')).toMatchObject({ deletedAt: '2026-06-30T12:00:00.000Z', ttl: NOW / 1000 + 7 * 86_400 });
  expect(await ledger.readShards('kept', [0])).toHaveLength(1);
  expect(await eraseRuns(ports)).toEqual({ expired: 0, erased: 0, failed: 0 });
});

it('a run that goes on is not deleted, and its mark leaves nothing behind', async () => {
  const { ledger, erasures, ports, addRun, listed, filesOf } = world;
  const run = await addRun('open', { state: 'open' });
  expect(await erasures.markDeleted(run, NOW)).toBe(false);
  expect(await erasures.listDeleted()).toEqual([]);
  expect(await eraseRuns(ports)).toEqual({ expired: 0, erased: 0, failed: 0 });
  expect([await listed(), await filesOf('acme', 'open')]).toEqual([['open'], 1]);
  expect((await ledger.readRun('open'))!.deletedAt).toBeUndefined();
});

it('a late event of its upload does not bring it back', async () => {
  const { ledger, erasures, ports, addRun, listed } = world;
  const run = await addRun('gone');
  await erasures.markDeleted(run, NOW);
  await eraseRuns(ports);
  await ledger.admit({ ...run, createdAt: new Date(NOW).toISOString() }, { v: 1, run: 'gone', source: run.source } as never);
  expect(await listed()).toEqual([]);
});

it('whoever dies while marking is healed: half a mark is taken away after an hour, a whole one is erased', async () => {
  const { erasures, ports, addRun, filesOf, setNow } = world;
  const run = await addRun('half');
  // The entry is there, the mark is not.
  const half = createRunErasures(failingAfter(1), `progress-${tables}`);
  await expect(half.markDeleted(run, NOW)).rejects.toThrow('killed');
  expect(await eraseRuns(ports)).toMatchObject({ erased: 0 });
  expect(await erasures.listDeleted()).toHaveLength(1);
  setNow(NOW + 2 * 3_600_000);
  expect(await eraseRuns(ports)).toMatchObject({ erased: 0 });
  expect([await erasures.listDeleted(), await filesOf('acme', 'half')]).toEqual([[], 1]);
  // The mark is there, the lists are not done.
  await expect(createRunErasures(failingAfter(2), `progress-${tables}`).markDeleted(run, NOW)).rejects.toThrow('killed');
  expect(await eraseRuns(ports)).toMatchObject({ erased: 1 });
  expect([await world.listed(), await filesOf('acme', 'half')]).toEqual([[], 0]);
});

/** A client that makes so many calls. */
function failingAfter(calls: number): typeof dynamo.client {
  let left = calls;
  return new Proxy(dynamo.client, { get: (client, name) => (name === 'send' ? (command: never) => (left-- > 0 ? client.send(command) : Promise.reject(new Error('killed'))) : Reflect.get(client, name)) });
}

it('runs are deleted after the days that their tenant keeps them, else those of all', async () => {
  const { ports, keep, addRun, listed } = world;
  for (const tenant of ['acme', 'zoo', 'else']) for (const daysAgo of [2, 8, 40]) await addRun(`${tenant}-${daysAgo}`, { tenant, daysAgo });
  await addRun('acme-open', { daysAgo: 90, state: 'open' });
  expect(await eraseRuns(ports)).toEqual({ expired: 0, erased: 0, failed: 0 });
  keep('acme', 7);
  expect(await eraseRuns(ports)).toEqual({ expired: 2, erased: 2, failed: 0 });
  expect((await listed('acme')).toSorted()).toEqual(['acme-2', 'acme-open']);
  keep('*', 30);
  keep('zoo', 365);
  expect(await eraseRuns(ports)).toEqual({ expired: 1, erased: 1, failed: 0 });
  expect((await listed()).toSorted()).toEqual(['acme-2', 'acme-open', 'else-2', 'else-8', 'zoo-2', 'zoo-40', 'zoo-8']);
});

it('looks at more than a page of old runs that are kept longer', async () => {
  const { ports, keep, addRun, listed } = world;
  for (let i = 0; i < 120; i++) await addRun(`zoo-${i}`, { tenant: 'zoo', daysAgo: 50 });
  await addRun('acme-1', { daysAgo: 45 });
  keep('*', 30);
  keep('zoo', 365);
  expect(await eraseRuns(ports)).toMatchObject({ expired: 1 });
  expect(await listed('acme')).toEqual([]);
  expect(await listed('zoo')).toHaveLength(100);
});

it('what cannot be deleted today is tried again, and holds up nothing', async () => {
  const { erasures, ports, addRun } = world;
  for (const run of ['a', 'b']) await erasures.markDeleted(await addRun(run), NOW);
  const remove: ErasePorts['resultsRemover']['remove'] = async (keys) => (keys[0]!.includes('/a/') ? Promise.reject(new Error('denied')) : ports.resultsRemover.remove(keys));
  expect(await eraseRuns({ ...ports, resultsRemover: { remove } })).toEqual({ expired: 0, erased: 1, failed: 1 });
  expect(await eraseRuns(ports)).toEqual({ expired: 0, erased: 1, failed: 0 });
});
