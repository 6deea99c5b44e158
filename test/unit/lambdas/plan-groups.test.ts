import { expect, test } from 'vitest';
import { planRun } from '../../../lambdas/plan-run/plan-run.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import { tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { noteProcessor, preparePlanning, readPlan, webProcessor } from '../../support/planning.ts';

const jsonl = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

test('an item belongs to the group that its row names, and a batch to one group', async () => {
  const sites = ['a', 'b', 'a', undefined, 7, 'a'];
  const setup = preparePlanning({ processor: noteProcessor, name: 'list.jsonl', options: { groupBy: 'site', itemsPerBatch: 2 }, body: jsonl(sites.map((site, i) => ({ text: `t${i}`, site }))) });
  await setup.plan();
  expect(readPlan(setup.results).items.map(({ line, group }) => [line, group])).toEqual([[1, 'a'], [2, 'b'], [3, 'a'], [4, undefined], [5, '7'], [6, 'a']]);
  const [shard] = setup.ledger.shards.values();
  expect(shard).toMatchObject({ sizes: [2, 1, 1, 1, 1], groups: [['a', 2], ['b', 1], ['', 1], ['7', 1]] });
});

test('a group that is no short text makes its row invalid', async () => {
  const setup = preparePlanning({ processor: noteProcessor, name: 'list.jsonl', options: { groupBy: 'site' }, body: jsonl([{ text: 'x', site: ['a'] }, { text: 'y', site: 'b'.repeat(201) }, { text: 'z' }]) });
  await setup.plan();
  expect(readPlan(setup.results).invalid.map(({ line, reason }) => [line, reason.slice(0, 75)])).toEqual([
    [1, "expected `site` to name the item's group in at most 200 characters, got [\"a"],
    [2, "expected `site` to name the item's group in at most 200 characters, got \"bb"],
  ]);
});

test('the ledger says which limit key the items of a batch share', async () => {
  const setup = preparePlanning({ options: { itemsPerBatch: 2 }, body: ['a/1', 'b/1', 'a/2', 'b/2', 'a/3', 'b/3'].map((path) => `${path.replace('/', '.example/')}\n`).join('') });
  await setup.plan();
  expect([...setup.ledger.shards.values()][0]).toMatchObject({ sizes: [2, 2, 2], keys: [['host:a.example', 1], ['host:b.example', 1], ['', 1]] });
});

async function sizesOf(options: JsonObject, known: { readonly msPerItem?: number; readonly settings?: JsonObject }): Promise<readonly number[]> {
  const setup = preparePlanning({ options, body: Array.from({ length: 30 }, (_, i) => `a.example/${i}\n`).join('') });
  const asked: string[] = [];
  await planRun({ v: 1, run: setup.run }, {
    ...setup.ports,
    tenants: { readSettings: async (tenant) => (asked.push(tenant), tenantSettingsSchema.parse(known.settings ?? {})) },
    paces: { readPace: async (tenant, processor) => (asked.push(tenant, processor), known.msPerItem) },
  });
  expect(asked).toEqual(['acme', 'acme', webProcessor.name]);
  return [...setup.ledger.shards.values()][0]!.sizes;
}

test("batches are sized by what the tenant's items of the processor took", async () => {
  expect(await sizesOf({}, { msPerItem: 2000 })).toEqual([10, 10, 10]);
  expect(await sizesOf({ itemsPerBatch: 15 }, { msPerItem: 2000 })).toEqual([15, 15]);
  expect(await sizesOf({}, { msPerItem: 2000, settings: { maxPerGroupRound: 6 } })).toEqual([6, 6, 6, 6, 6]);
});
