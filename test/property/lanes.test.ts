import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshBatch, isBatchDone, settledBatch } from '../../shared/batch-state.ts';
import { applyReport } from '../../shared/apply-report.ts';
import { healShard } from '../../shared/heal-lanes.ts';
import type { LaneState } from '../../shared/lane-state.ts';
import { addRun, addShards, dropFinished, emptyLanes, findRun, inFlight, openShard, pickBatches, planWake, shardsToOpen } from '../../shared/lanes.ts';
import type { BatchState, ShardRecord } from '../../shared/records.ts';
import { aShard } from '../support/ledger-fixtures.ts';

const RESEND_AFTER_MS = 120_000;

const WINDOW = 3;
const windows = { standard: WINDOW };

/** A run of `shards[i]` batches in shard i, in the lanes and in a ledger of plain objects. */
function aWorld(tenants: readonly (readonly number[])[]) {
  const ledger = new Map<string, ShardRecord & { b: Record<string, BatchState> }>();
  const runs = tenants.map((shards, t) => {
    const run = `run-${t}`;
    shards.forEach((batches, n) => {
      const record = aShard(Array.from({ length: batches }, () => 2), { run, tenant: `tenant-${t}`, shard: n });
      ledger.set(`${run}/${n}`, { ...record, b: { ...record.b } });
    });
    return { run, tenant: `tenant-${t}`, workerClass: 'standard', shards: shards.map((_, n) => n) };
  });
  return { ledger, runs };
}

function openWanted(state: LaneState, { ledger }: ReturnType<typeof aWorld>, now: number): void {
  for (let wanted = shardsToOpen(state, windows); wanted.length > 0; wanted = shardsToOpen(state, windows)) {
    for (const { run, shard } of wanted) openShard(findRun(state, run)!, ledger.get(`${run}/${shard}`)!, now);
  }
}

const tenantsArbitrary = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
/** What happens to a batch in flight: it ends, comes back with work left, is deferred, or its message or report is lost. */
const fate = fc.constantFrom('ends', 'comes back', 'is deferred', 'message lost', 'report lost', 'lanes lost');

describe('lanes', () => {
  it('send every batch until it is done, never more than the window at once, whatever is lost', () => {
    fc.assert(
      fc.property(tenantsArbitrary, fc.array(fate, { maxLength: 120 }), (tenants, fates) => {
        const world = aWorld(tenants);
        let state = emptyLanes();
        let now = 1_000_000;
        const queue: { run: string; shard: number; batch: number; q: number }[] = [];
        for (const run of world.runs) addShards(addRun(state, run), run.shards);
        const healAll = () => {
          for (const run of world.runs) {
            const records = run.shards.map((n) => world.ledger.get(`${run.run}/${n}`)!);
            const known = addRun(state, run);
            addShards(known, records.filter((record) => record.nd < record.n && !known.shards[record.shard]).map(({ shard }) => shard));
            for (const record of records) queue.push(...healShard(known, record, { now, resendAfterMs: RESEND_AFTER_MS }));
          }
        };
        const round = () => {
          openWanted(state, world, now);
          queue.push(...pickBatches(state, windows, now));
          expect(inFlight(state, 'standard')).toBeLessThanOrEqual(WINDOW);
          planWake(state, now);
          dropFinished(state);
        };
        const isDone = () => [...world.ledger.values()].every((record) => record.nd === record.n);
        for (let i = 0; !isDone(); i++) {
          expect(i).toBeLessThan(1000);
          round();
          const message = queue.shift();
          const next = fates[i] ?? 'ends';
          if (!message) {
            now += RESEND_AFTER_MS;
            healAll();
            continue;
          }
          if (next === 'message lost') continue;
          const record = world.ledger.get(`${message.run}/${message.shard}`)!;
          const batch = record.b[message.batch]!;
          if (batch.q === message.q) {
            const left = next === 'comes back' || next === 'is deferred' ? batch.l : '';
            record.b[message.batch] = settledBatch(batch.q, { left, part: 'p', message: 'm' });
            Object.assign(record, { nd: Object.values(record.b).filter(isBatchDone).length });
          }
          if (next === 'lanes lost') state = emptyLanes();
          if (next === 'report lost') continue;
          const { q, l } = record.b[message.batch]!;
          applyReport(state, { run: message.run, shard: message.shard, batch: message.batch, q, isDone: l === '', until: next === 'is deferred' ? now + 5000 : now });
        }
        healAll();
        round();
        expect(queue.filter((message) => world.ledger.get(`${message.run}/${message.shard}`)!.b[message.batch]!.q === message.q)).toEqual([]);
        expect(state.lanes).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('give tenants that wait their turns in rotation: nobody is two batches ahead', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 40 }), (tenants, window) => {
        const world = aWorld(Array.from({ length: tenants }, () => [20]));
        const state = emptyLanes();
        for (const run of world.runs) addShards(addRun(state, run), run.shards);
        for (const { run, shard } of world.runs.flatMap(({ run, shards }) => shards.map((shard) => ({ run, shard })))) {
          openShard(findRun(state, run)!, world.ledger.get(`${run}/${shard}`)!, 0);
        }
        const sent = Map.groupBy(pickBatches(state, { standard: window }, 0), ({ run }) => run);
        const counts = world.runs.map(({ run }) => sent.get(run)?.length ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(Math.min(window, tenants * 20));
      }),
    );
  });

  it('leave a slot taken when a report speaks of an older settlement', () => {
    const world = aWorld([[1]]);
    const state = emptyLanes();
    addShards(addRun(state, world.runs[0]!), [0]);
    openShard(findRun(state, 'run-0')!, { ...world.ledger.get('run-0/0')!, b: { 0: { ...freshBatch(2), q: 4, h: 'p' } } }, 0);
    pickBatches(state, windows, 0);
    applyReport(state, { run: 'run-0', shard: 0, batch: 0, q: 4, isDone: false, until: 0 });
    expect(inFlight(state, 'standard')).toBe(1);
    applyReport(state, { run: 'run-0', shard: 0, batch: 0, q: 5, isDone: true, until: 0 });
    expect(inFlight(state, 'standard')).toBe(0);
  });
});
