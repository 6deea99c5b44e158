import { expect, it } from 'vitest';
import { createHeldHosts } from '../../../cli/held-hosts.ts';
import { addRun, addShards, applyReport, emptyLanes, openShard, pickBatches } from '../../../shared/lanes.ts';
import { planPrefix, shardFileName } from '../../../shared/names.ts';
import { aShard, RUN_ID } from '../../support/ledger-fixtures.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

const lineOf = (host: string) => `${JSON.stringify({ line: 1, input: { url: `http://${host}/${'x'.repeat(host.length * 300)}` }, limitKey: `host:${host}` })}\n`;

it('the hosts of deferred batches are named once each, and looked up once', async () => {
  const lines = ['a.example', 'b.example', 'a.example', 'c.example'].map(lineOf);
  const offsets = lines.reduce<number[]>((ends, line) => [...ends, ends.at(-1)! + line.length], [0]);
  const shard = aShard([1, 1, 1, 1], { offsets });
  const results = new MemoryObjectStore('results');
  await results.write(`${planPrefix(shard.tenant, RUN_ID, shard.plan)}${shardFileName(0)}`, lines.join(''), 'application/x-ndjson');
  const state = emptyLanes();
  const run = addRun(state, { tenant: 'acme', run: RUN_ID, workerClass: 'web' });
  addShards(run, [0]);
  openShard(run, shard, 0);
  pickBatches(state, { web: 4 }, 0);
  for (const batch of [0, 1, 2]) applyReport(state, { run: RUN_ID, shard: 0, batch, q: 1, isDone: false, until: batch === 1 ? 500 : 5000 });
  let reads = 0;
  const ledger = { readShards: async (_: string, shards: readonly number[]) => (reads += shards.length, shards.length > 0 ? [shard] : []) };
  const heldHosts = createHeldHosts({ lanes: { read: async () => ({ stamp: 's', state }) }, ledger, results }, () => 1000);
  expect(await heldHosts(RUN_ID)).toEqual(['a.example']);
  expect(await heldHosts(RUN_ID)).toEqual(['a.example']);
  expect(reads).toBe(1);
});

it('nothing is held back while the lanes are lost', async () => {
  const heldHosts = createHeldHosts({ lanes: { read: async () => undefined }, ledger: { readShards: async () => [] }, results: new MemoryObjectStore('results') }, () => 0);
  expect(await heldHosts(RUN_ID)).toEqual([]);
});
