import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import type { RunLedger } from '../../shared/ports.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { aShard } from '../support/ledger-fixtures.ts';
import * as moves from '../support/ledger-model.ts';
import { type Box, faults, MODEL_RUNS, plain, Step, type Subject } from '../support/model-steps.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let runs = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('progress', ['pk', 'sort']);
});
afterAll(() => dynamo.stop());

/** The states that a run may be in after each. */
const NEXT: Readonly<Record<string, readonly string[]>> = {
  open: ['open', 'stopping', 'finished', 'failed'],
  stopping: ['stopping', 'finished', 'failed'],
  finished: ['finished'],
  failed: ['failed'],
};

type Law = (before: moves.LedgerModel, after: moves.LedgerModel) => boolean;
const ofEachBatch = (model: moves.LedgerModel) =>
  model.batches.flatMap((shard, n) => shard.map((batch, k) => ({ ...batch, size: model.sizes[n]![k]!, won: model.won.filter((one) => one.shard === n && one.batch === k) })));

const LAWS: Readonly<Record<string, Law>> = {
  'each settle number is won once, in order': (_, after) => ofEachBatch(after).every(({ q, won }) => won.length === q && won.every((one, i) => one.q === i)),
  'every item has one verdict or is left': (_, after) => ofEachBatch(after).every(({ won, left, size }) => won.reduce((sum, { ok, ko, sk }) => sum + ok + ko + sk, left.length) === size),
  'a run goes from open over stopping to its one end': ({ run: before }, { run: after }) => !before || NEXT[before.state]!.includes(after!.state),
  'how a run was stopped stays': ({ run: before }, { run: after }) => !before?.stop || isDeepStrictEqual(before.stop, after!.stop),
  'the first plan stays': ({ run: before }, { run: after }) => !before?.plan || before.plan === after!.plan,
  'only an open run is paused': ({ run: before }, { run: after }) => !after?.paused || before?.paused === true || after.state === 'open',
  'a run that has a record was put on the list first': ({ run: before }, { run: after, isOpen }) => !after || before !== undefined || isOpen,
  'what is done stays done': (before, after) => before.done.every((shard) => after.done.includes(shard)),
};

function aSubject(id: string): Subject<moves.LedgerModel, RunLedger> {
  const ledger = createRunLedger(dynamo.client, 'progress');
  return {
    portOf: (life) => createRunLedger(life.spoil(dynamo.client), 'progress'),
    observe: async () => {
      const [run, open, done, shards] = await Promise.all([ledger.readRun(id), ledger.listOpen(), ledger.readDone(id), ledger.readShards(id, [0, 1])]);
      return { run, isOpen: open.some((each) => each.run === id), done, shards };
    },
    view: moves.viewLedger,
    laws: LAWS,
  };
}

/** Yes, in so many cases of five. */
const oftenOf5 = (times: number) => fc.nat(4).map((value) => value < times);
const at = fc.record({ isClaimed: oftenOf5(4), shard: fc.nat(1), batch: fc.nat(2), isStale: oftenOf5(1) });
const age = fc.constantFrom(0, 0, 0, 1);
const verdict = fc.constantFrom('ok' as const, 'ko' as const, 'sk' as const);
const share = fc.constantFrom(0, 0.4, 1);

/** Moves by name; what is about batches comes up more often. */
const step = fc
  .tuple(
    fc.oneof(
      ...[
        { weight: 3, name: 'time passes', move: fc.constantFrom(10, 200).map(moves.passTime) },
        { weight: 8, name: 'claim', move: fc.tuple(at, fc.constantFrom(50, 300), oftenOf5(1)).map(([...of]) => moves.claim(...of)) },
        { weight: 7, name: 'mark', move: fc.tuple(at, fc.nat(3), fc.integer({ min: 1, max: 3 }), age).map(([...of]) => moves.mark(...of)) },
        { weight: 8, name: 'settle', move: fc.tuple(at, share, verdict, age, fc.boolean()).map(([where, part, what, whose, keepsLease]) => moves.settle(where, part, what, { whose, keepsLease })) },
        { weight: 2, name: 'settle by a stop', move: at.map((where) => moves.settle(where, 1, 'sk', { whose: undefined, keepsLease: false })) },
        { weight: 2, name: 'settle again', move: fc.constant(moves.settleAgain) },
        { weight: 2, name: 'put shards again', move: fc.constant(moves.putShardsAgain) },
        { weight: 1, name: 'add done', move: fc.nat(1).map(moves.addDone) },
        { weight: 3, name: 'admit', move: fc.constant(moves.admit) },
        { weight: 1, name: 'freeze plan', move: fc.constant(moves.freezePlan) },
        { weight: 3, name: 'store token', move: fc.tuple(age, fc.nat(2), fc.boolean()).map(([...of]) => moves.storeToken(...of)) },
        { weight: 1, name: 'mark acked', move: age.map(moves.markAcked) },
        { weight: 1, name: 'mark started', move: age.map(moves.markStarted) },
        { weight: 1, name: 'restart', move: fc.constant(moves.restart) },
        { weight: 1, name: 'request stop', move: fc.constantFrom('cancelled' as const, 'time limit' as const).map(moves.requestStop) },
        { weight: 1, name: 'pause', move: fc.boolean().map(moves.setPaused) },
        { weight: 0.5, name: 'end', move: fc.constantFrom('finished' as const, 'failed' as const).map(moves.markEnded) },
        { weight: 0.5, name: 'take off OPEN', move: fc.constant(moves.takeOffOpen) },
      ].map(({ weight, name, move }) => ({ weight: 2 * weight, arbitrary: move.map((each) => ({ name, move: each })) })),
    ),
    faults,
  )
  .map(([{ name, move }, fault]) => new Step(name, move, fault));

it('whatever is called, crashes, fails, is made twice or loses its answer: the ledger holds and answers what the model says', async () => {
  const sizes = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.commands([step], { maxCommands: 60, size: 'max' }), async (shardSizes, commands) => {
      const id = `r${String(runs++).padStart(25, 'a')}`;
      const ledger = createRunLedger(dynamo.client, 'progress');
      for (const [n, each] of shardSizes.entries()) await ledger.putShard(aShard(each, { run: id, shard: n }));
      const model: Box<moves.LedgerModel> = { model: moves.aLedgerModel(id, shardSizes) };
      const real = aSubject(id);
      await fc.asyncModelRun(() => ({ model, real }), commands);
      expect(plain(await real.observe())).toEqual(plain(real.view(model.model)));
    }),
    { numRuns: MODEL_RUNS(25), endOnFailure: true },
  );
});
