import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { verifyStoredRun } from '../../cli/verify-stored-run.ts';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { isPlanned } from '../../shared/planned-run.ts';
import type { RunRecord } from '../../shared/records.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { backendOf } from '../support/target-backend.ts';
import { type StoredRow, TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

type TimedRow = StoredRow & { readonly startedAt: string; readonly group?: string };

const BATCHES = 80;
const ITEMS_PER_BATCH = 5;
const HEAVY_WEIGHT = 4;
const WAIT = { timeout: 120_000, interval: 100 };

let target: Target;
let client: TargetClient;
beforeAll(async () => {
  target = await startTarget();
  client = new TargetClient(target);
});
afterAll(() => target?.stop());

const setTenant = (tenant: string, settings: object) =>
  createTenantStore(createDynamo({ endpoint: target.endpoint, region: target.region, credentials: target.credentials }), client.output('TenantsTable')).writeSettings(tenant, tenantSettingsSchema.parse(settings));
const rows = (count: number) => Array.from({ length: count }, (_, i) => `row ${i}`).join('\n');
const options = (given: object) => ({ 'spillway-options': JSON.stringify(given) });

/** A run whose every batch is still to be sent, or nearly. */
async function uploadPaused(tenant: string): Promise<string> {
  const run = await client.upload(`${tenant}/noop/list.txt`, rows(BATCHES * ITEMS_PER_BATCH), options({ itemsPerBatch: ITEMS_PER_BATCH }));
  await vi.waitUntil(() => client.ledger.readRun(run), WAIT);
  await backendOf(client).control.pause(run);
  await vi.waitUntil(async () => isPlanned(await client.ledger.readRun(run)), WAIT);
  return run;
}

async function endOf(run: string): Promise<{ record: RunRecord; starts: number[]; verdicts: TimedRow[] }> {
  const record = await client.waitForEnd(run);
  expect(record.state).toBe('finished');
  expect((await verifyStoredRun(backendOf(client), record)).faults).toEqual([]);
  const verdicts = (await client.readVerdicts(record)) as TimedRow[];
  return { record, verdicts, starts: verdicts.map(({ startedAt }) => Date.parse(startedAt)).sort((a, b) => a - b) };
}

describe('tenants that both have work', () => {
  it('share by weight, and neither waits for the other to end', async () => {
    await setTenant('heavy', { weight: HEAVY_WEIGHT });
    const [heavy, light] = [await uploadPaused('heavy'), await uploadPaused('light')];
    for (const run of [heavy, light]) await backendOf(client).control.resume(run);
    const [one, other] = await Promise.all([endOf(heavy), endOf(light)]);
    const middle = one.starts[Math.floor(0.9 * one.starts.length)]!;
    const meanwhile = other.starts.filter((start) => start <= middle).length / one.starts.filter((start) => start <= middle).length;
    // A quarter, give or take what was in flight when they began and what batches cost by chance.
    expect(meanwhile).toBeGreaterThan(0.4 / HEAVY_WEIGHT);
    expect(meanwhile).toBeLessThan(2.5 / HEAVY_WEIGHT);
  });
});

describe('groups of a tenant', () => {
  it('are named by a column, and no batch is larger than a round', async () => {
    await setTenant('sites', { maxPerGroupRound: 3 });
    const lines = Array.from({ length: 40 }, (_, i) => `${JSON.stringify({ value: `post ${i}`, site: `site-${i % 4}` })}\n`).join('');
    const run = await client.upload('sites/noop/posts.jsonl', lines, options({ groupBy: 'site' }));
    const { verdicts } = await endOf(run);
    expect(verdicts.map(({ line, group }) => [line, group]).toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(Array.from({ length: 40 }, (_, i) => [i + 1, `site-${i % 4}`]));
    const shards = await client.ledger.readShards(run, [0, 1]);
    expect(Math.max(...shards.flatMap(({ sizes }) => sizes))).toBeLessThanOrEqual(3);
  });
});
