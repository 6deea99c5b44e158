import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freshBatch } from '../../shared/batch-state.ts';
import { formatOrdinals, parseOrdinals } from '../../shared/ordinals.ts';
import { countRun } from '../../shared/planned-run.ts';
import type { RunLedger } from '../../shared/ports.ts';
import type { PlannedRun } from '../../shared/records.ts';
import { startLedger } from '../support/dynamo-emulator.ts';
import { aRun, aShard } from '../support/ledger-fixtures.ts';

let stop: () => Promise<void>;
let ledger: RunLedger;
let runs = 0;

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());

/** One step of a schedule: worker `worker` tries batch `batch`, settles a share of what is left, and says so `repeats` times. */
const step = fc.record({
  batch: fc.nat(3),
  worker: fc.nat(2),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  verdict: fc.constantFrom('ok', 'ko', 'sk'),
  repeats: fc.integer({ min: 1, max: 3 }),
  isStale: fc.boolean(),
  dies: fc.boolean(),
});

it('any order and repetition of settlements of any ranges counts every item once, at every read', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(step, { maxLength: 40 }), async (batchSizes, steps) => {
      const run = `r${String(runs++).padStart(25, 'a')}`;
      const total = batchSizes.reduce((a, b) => a + b, 0);
      const planned = { ...aRun({ run }), plan: 'p', totals: { rows: total, invalid: 0, items: total, duplicates: 0, shards: 1 } } as PlannedRun;
      await ledger.putShard(aShard(batchSizes, { run }));
      const truth = { ok: 0, ko: 0, sk: 0, left: batchSizes.map((size) => size) };
      let now = 1000;
      for (const [i, move] of steps.entries()) {
        const batch = move.batch % batchSizes.length;
        now += 100;
        const shard = (await ledger.readShard(run, 0))!;
        // No message ever names the q of a batch that is done: the dispatcher sends what is left.
        if (shard.b[batch]!.l === '' && !move.isStale) continue;
        const q = Math.max(0, shard.b[batch]!.q - (move.isStale ? 1 : 0));
        const owner = `worker-${move.worker}-${i}`;
        const claim = await ledger.claim({ run, shard: 0, batch, q, owner, now, until: now + (move.dies ? 250 : 50) });
        const state = shard.b[batch]!;
        expect(claim.kind === 'claimed').toBe(state.q === q && state.u < now);
        if (claim.kind !== 'claimed' || move.dies) continue;
        const ordinals = parseOrdinals(claim.shard.b[batch]!.l);
        const done = Math.ceil(ordinals.length * move.share);
        const counts = { ok: 0, ko: 0, sk: 0, [move.verdict]: done };
        const settlement = { run, shard: 0, batch, q, owner, left: formatOrdinals(ordinals.slice(done)), part: `part-${i}`, message: 'm', counts };
        for (let repeat = 0; repeat < move.repeats; repeat++) expect((await ledger.settle(settlement)).kind).toBe('settled');
        // Anybody else's, or an older one's, settlement of the same q is refused.
        expect((await ledger.settle({ ...settlement, owner: 'someone else', part: 'other' })).kind).toBe('beaten');
        truth[move.verdict] += done;
        truth.left[batch] = ordinals.length - done;
        const after = (await ledger.readShard(run, 0))!;
        expect({ ok: after.ok, ko: after.ko, sk: after.sk }).toEqual({ ok: truth.ok, ko: truth.ko, sk: truth.sk });
        expect(after.nd).toBe(truth.left.filter((left) => left === 0).length);
        const read = countRun(planned, [after]);
        expect(read.succeeded + read.failed + read.skipped + read.pending).toBe(total);
        expect(read.pending).toBe(truth.left.reduce((a, b) => a + b, 0));
      }
    }),
    { numRuns: 60 },
  );
});

it('planning twice returns the first plan, and shard records of the second change nothing', async () => {
  const run = aRun({ run: 'rbbbbbbbbbbbbbbbbbbbbbbbbb' });
  const totals = { rows: 2, invalid: 0, items: 2, duplicates: 0, shards: 1 };
  await ledger.admit(run, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
  expect((await ledger.freezePlan(run.run, { nonce: 'first', totals })).plan).toBe('first');
  expect((await ledger.freezePlan(run.run, { nonce: 'second', totals: { ...totals, items: 3 } })).plan).toBe('first');
  await ledger.putShard(aShard([2], { run: run.run }));
  await ledger.claim({ run: run.run, shard: 0, batch: 0, q: 0, owner: 'me', now: 1, until: 50 });
  await ledger.putShard(aShard([2], { run: run.run }));
  expect((await ledger.readShard(run.run, 0))!.b[0]).toEqual({ ...freshBatch(2), a: 1, u: 50, o: 'me' });
});

it('only the current execution, and no older attempt, stores its token', async () => {
  const run = aRun({ run: 'rcccccccccccccccccccccccccc'.slice(0, 26) });
  await ledger.admit(run, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
  const request = { run: run.run, token: 't1', execution: run.execution, attempt: 1 };
  expect(await ledger.storeToken(request)).toBe('stored');
  expect(await ledger.storeToken({ ...request, token: 't0', attempt: 0 })).toBe('superseded');
  expect(await ledger.storeToken({ ...request, token: 't9', execution: 'another' })).toBe('superseded');
  expect((await ledger.readRun(run.run))!.token).toBe('t1');
});
