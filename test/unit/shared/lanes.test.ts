import { expect, it } from 'vitest';
import { healShard } from '../../../shared/heal-lanes.ts';
import { addRun, addShards, emptyLanes, openShard, pickBatches } from '../../../shared/lanes.ts';
import { freshBatch } from '../../../shared/batch-state.ts';
import type { BatchState, ShardRecord } from '../../../shared/records.ts';

const RUN = { tenant: 'acme', run: 'r1', workerClass: 'standard' };
const RESEND_AFTER_MS = 50;

const shardWith = (batch: BatchState): ShardRecord => ({ v: 1, run: 'r1', tenant: 'acme', shard: 0, plan: 'p', n: 1, nd: 0, ok: 0, ko: 0, sk: 0, sizes: [5], offsets: [0, 9], b: { 0: batch } });

/** One batch that was sent at 0. */
function sentOnce() {
  const state = emptyLanes();
  const run = addRun(state, RUN);
  addShards(run, [0]);
  openShard(run, shardWith(freshBatch(5)), 0);
  expect(pickBatches(state, { standard: 2 }, 0)).toHaveLength(1);
  return run;
}

const heal = (run: ReturnType<typeof sentOnce>, batch: BatchState, now: number) => healShard(run, shardWith(batch), { now, resendAfterMs: RESEND_AFTER_MS }).map(({ isDrift }) => isDrift);

it('a batch that nobody came for is sent again, and is drift only when that did not help', () => {
  const run = sentOnce();
  expect(heal(run, freshBatch(5), 49)).toEqual([]);
  expect(heal(run, freshBatch(5), 50)).toEqual([false]);
  expect(heal(run, freshBatch(5), 99)).toEqual([]);
  expect(heal(run, freshBatch(5), 100)).toEqual([true]);
});

it('a batch whose worker died is drift at once', () => {
  const dead = { ...freshBatch(5), a: 1, u: 60, o: 'worker' };
  const run = sentOnce();
  expect(heal(run, dead, 59)).toEqual([]);
  expect(heal(run, dead, 61)).toEqual([true]);
});

it('what has been settled since it was sent again starts anew', () => {
  const run = sentOnce();
  expect(heal(run, freshBatch(5), 50)).toEqual([false]);
  expect(heal(run, { ...freshBatch(5), q: 1 }, 60)).toEqual([]);
  expect(run.shards[0]!.e[0]).toEqual({ s: 'ready', q: 1, i: 5 });
});
