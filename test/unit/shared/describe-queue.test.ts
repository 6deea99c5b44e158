import { expect, it } from 'vitest';
import { applyReport } from '../../../shared/apply-report.ts';
import { countWaiting, describeQueue, waitsOf } from '../../../shared/describe-queue.ts';
import { addRun, addShards, emptyLanes, openShard, pickBatches, setTenant } from '../../../shared/lanes.ts';
import { tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { aShard } from '../../support/ledger-fixtures.ts';

const NOW = 1_000_000;
const HOST = 'host:a.example';

/** Two tenants with four batches each, all of one host; two batches in flight. */
function aState() {
  const state = emptyLanes();
  for (const tenant of ['acme', 'beta']) {
    const run = addRun(state, { tenant, run: `run of ${tenant}`, workerClass: 'web', processor: 'p' });
    addShards(run, [0, 1, 2]);
    openShard(run, { ...aShard([5, 5, 5, 5], { run: run.run, tenant, shard: 0 }), keys: [[HOST, 4]] }, NOW);
  }
  setTenant(state, 'acme', tenantSettingsSchema.parse({ weight: 3 }));
  return { state, picks: pickBatches(state, { web: 2 }, NOW) };
}

it('counts what is in flight, what waits and what nobody has looked at', () => {
  const { state } = aState();
  const { classes, tenants } = describeQueue(state, NOW);
  expect(classes).toEqual({ web: { window: 2, inFlight: 2, itemsPerSecond: 0 } });
  expect(tenants.map(({ tenant, weight, inFlight, waitingBatches, unopenedShards }) => [tenant, weight, inFlight, waitingBatches, unopenedShards]).sort()).toEqual([['acme', 3, 1, 3, 2], ['beta', 1, 1, 3, 2]]);
});

it('tells the share of what was done, in time of workers', () => {
  const { state, picks } = aState();
  for (const [i, { run, shard, batch }] of picks.entries()) applyReport(state, { run, shard, batch, q: 1, isDone: true, until: NOW, rows: 5, left: 0, tookMs: i === 0 ? 300 : 100 }, { web: 2 }, NOW);
  const shares = describeQueue(state, NOW).tenants.map(({ share }) => share).sort((a, b) => a - b);
  expect(shares[0]).toBeCloseTo(0.25, 2);
  expect(describeQueue(state, NOW).classes['web']!.itemsPerSecond).toBeCloseTo(10 / 30, 2);
});

it('a run waits for the limit that held its batch, and so do those behind it with the same key', () => {
  const { state, picks } = aState();
  const { run, shard, batch } = picks[0]!;
  applyReport(state, { run, shard, batch, q: 1, isDone: false, until: NOW + 5000, rows: 1, left: 4, tookMs: 10, heldBy: HOST }, { web: 2 }, NOW);
  expect(waitsOf(state, run, NOW)).toEqual([{ limit: HOST, until: NOW + 5000 }]);
  expect(waitsOf(state, picks[1]!.run, NOW)).toEqual([{ limit: HOST, until: NOW + 5000 }]);
  expect(countWaiting(state, NOW)).toEqual(new Map([[HOST, 7]]));
  expect(pickBatches(state, { web: 10 }, NOW)).toEqual([]);
  // One of the key is in flight, and more than one would be handed back.
  expect(pickBatches(state, { web: 10 }, NOW + 5001)).toEqual([]);
  const other = picks[1]!;
  applyReport(state, { run: other.run, shard: 0, batch: other.batch, q: 1, isDone: true, until: NOW, rows: 5, left: 0, tookMs: 10 }, { web: 2 }, NOW);
  expect(pickBatches(state, { web: 10 }, NOW + 5001)).toHaveLength(2);
  expect(waitsOf(state, 'a run that is not there', NOW)).toEqual([]);
});
