import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ShardRecord } from '../../shared/records.ts';
import { assembleWithUnruly, type Overlay } from '../support/faults/overlay.ts';
import { ShortStack } from '../support/faults/short-stack.ts';

/** Long against what ends a delivery on a busy machine: who dies here is killed by nobody but the product. */
const TIMINGS = { workerTimeoutSeconds: 12, dispatchTimeoutSeconds: 5, leaseMarginSeconds: 1, closingSeconds: 6, resendAfterSeconds: 1 };
const WORKER = 'ProcessBatchStandard';
const HOLDS = 6;

let overlay: Overlay;
beforeAll(async () => void (overlay = await assembleWithUnruly({ timings: TIMINGS })));
afterAll(() => overlay.remove());

test('a worker that takes most of its time is never taken for dead', async () => {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder });
  let heals = 0;
  stack.stack.onCall(({ principal, action }) => void (principal.startsWith('SweepRuns') && action === 'sqs:SendMessage' && heals++));
  const { errors, succeeded, starts, journal } = await stack.runToEnd('slow', Array.from({ length: 90 }, () => 'sleep 1500'), { itemsPerBatch: 30 });
  expect([errors, succeeded]).toEqual([{}, 90]);
  expect(heals).toBeGreaterThan(2);
  // A worker that runs out of time ends its items; nobody begins one that another has in work.
  expect(starts).toEqual(starts.map((_, i) => 1 + (journal.get(`${i + 1} abort`) ?? 0)));
  expect(stack.deathsOf(WORKER)).toEqual([]);
});

test('batches that are held back again and again never get careful, and nobody is blamed', async () => {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder });
  const rows = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? `held ${HOLDS}` : 'ok'));
  const reads: Promise<ShardRecord[]>[] = [];
  const onCounts = (run: string): void => void reads.push(stack.client.ledger.readShards(run, [0]));
  const { errors, succeeded, starts, journal } = await stack.runToEnd('held', rows, { itemsPerBatch: 5 }, onCounts);
  expect([errors, succeeded]).toEqual([{}, rows.length]);
  expect(starts).toEqual(rows.map(() => 1));
  expect(journal.get('1 held')).toBe(HOLDS);
  const batches = (await Promise.all(reads)).flat().flatMap(({ b }) => Object.values(b));
  expect(Math.max(...batches.map(({ q }) => q))).toBeGreaterThanOrEqual(HOLDS);
  // A claim counts until its settlement; it never finds another's, and marks nothing.
  expect(batches.filter(({ a, d }) => a > 1 || d !== -1)).toEqual([]);
  expect(batches.filter(({ a, u }) => u === 0 && a !== 0)).toEqual([]);
});
