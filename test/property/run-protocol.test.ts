import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunManifest } from '../../shared/rows.ts';
import { CREDITS_PER_ITEM } from '../support/run-world.ts';
import { BALANCE, type Stage, startStages } from '../support/world-stage.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
beforeAll(async () => {
  stages = await startStages();
});
afterAll(() => stages.stop());

/** The rarest of these faults shows once in some thousand schedules: SCHEDULES=5000 looks for those. */
const RUNS = Number(process.env['SCHEDULES'] ?? 30);

interface RunStage extends Stage {
  readonly run: string;
  readonly key: string;
}

async function aStage(rows: readonly string[], itemsPerBatch: number): Promise<RunStage> {
  const stage = await stages.newStage();
  const key = 'acme/noop/list.txt';
  return { ...stage, key, run: await stage.world.upload(key, rows, itemsPerBatch) };
}

/** What may happen next, by how often. */
const ACTIONS = {
  executions: 2,
  dispatch: 4,
  work: 3,
  'work doubled': 1,
  'work slowly': 3,
  'slow workers end': 2,
  sweep: 2,
  'time passes': 2,
  'work queue purged': 0.3,
  'dispatch queue purged': 0.3,
  'lanes lost': 0.3,
  'upload event again': 0.2,
  'await times out': 0.2,
  'execution restarted': 0.2,
  pause: 0.2,
  resume: 0.4,
  cancel: 0.05,
} as const;
type Action = keyof typeof ACTIONS;
const action = fc.oneof(...Object.entries(ACTIONS).map(([name, weight]) => ({ arbitrary: fc.constant(name as Action), weight: 100 * weight })));
/** Share of calls that their process does not survive, that fail, or whose answer is lost. */
const faultRatio = fc.constantFrom(0, 0.02, 0.1);
const chances = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
const FATES = ['dies before', 'dies after', 'fails', 'answer lost', 'made twice'] as const;

it('whatever crashes, fails, is doubled or lost: every item gets one verdict, at every read the counts are whole, and the run ends', async () => {
  const sizes = fc.record({ items: fc.integer({ min: 1, max: 30 }), itemsPerBatch: fc.integer({ min: 1, max: 4 }), poison: fc.integer({ min: 0, max: 2 }), holdRatio: fc.constantFrom(0, 0.2) });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }), faultRatio, chances, async (size, actions, ratio, stream) => {
      const rows = Array.from({ length: size.items }, (_, i) => `row ${i}`);
      const stage = await aStage([...rows, rows[0]!], size.itemsPerBatch);
      const { world } = stage;
      for (let line = 1; line <= size.poison; line++) world.poison.add(line * 3);
      const chance = (): number => stream.next().value;
      // Most schedules begin when there is something to lose.
      await world.stepExecutions();
      await world.dispatch();
      world.fate = () => {
        const value = chance();
        return value < ratio ? FATES[Math.floor((value / ratio) * FATES.length)]! : 'never';
      };
      world.holds = () => chance() < size.holdRatio;
      for (const step of actions) {
        await ACTS[step](stage);
        await expectWholeCounts(stage, size.items + 1);
      }
      if ((await world.ledger.readRun(stage.run))?.paused) await world.ledger.setPaused(stage.run, false);
      // An execution that was stopped is started again by a person: the one who tried may have failed.
      world.fate = () => 'never';
      if (!world.executions.hasOne(stage.run)) await world.restart(stage.run);
      await world.settle();
      await expectWholeCounts(stage, size.items + 1);
      expect((await world.ledger.readRun(stage.run))!.state).toBe('finished');
      const verdicts = readVerdicts(stage);
      expect(verdicts.map(({ line }) => line)).toEqual([...rows, rows[0]].map((_, i) => i + 1));
      await expectTrueVerdicts(stage, verdicts);
      await expectOneCharge(stage, verdicts.filter(({ verdict }) => verdict === 'succeeded').length);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

const ACTS: Record<Action, (stage: RunStage) => unknown> = {
  executions: ({ world }) => world.stepExecutions(),
  dispatch: ({ world }) => world.dispatch(),
  work: ({ world }) => world.work(),
  'work doubled': ({ world }) => world.work(true),
  'work slowly': ({ world }) => world.workSlowly(),
  'slow workers end': ({ world }) => world.endSlowWorkers(),
  sweep: ({ world }) => world.sweep(),
  'time passes': ({ world }) => (world.now += 140_000), // longer than a lease
  'work queue purged': ({ world }) => (world.workQueue = []),
  'dispatch queue purged': ({ world }) => (world.dispatchQueue = []),
  'lanes lost': ({ loseLanes }) => loseLanes(),
  'upload event again': ({ world, key }) => world.admitAgain(key),
  'await times out': ({ world }) => world.executions.timeOut(),
  'execution restarted': ({ world, run }) => world.restart(run),
  pause: ({ world, run }) => world.pause(run, true),
  resume: ({ world, run }) => world.pause(run, false),
  cancel: ({ world, run }) => world.cancel(run),
};

async function expectWholeCounts({ world: { ledger }, run }: RunStage, total: number): Promise<void> {
  const record = await ledger.readRun(run);
  if (!isPlanned(record)) return;
  const counts = countRun(record, await readAllShards(ledger, record));
  expect(counts.total).toBe(total);
  expect(counts.succeeded + counts.failed + counts.skipped + counts.pending).toBe(total);
  expect(Math.min(counts.pending, counts.succeeded)).toBeGreaterThanOrEqual(0);
}

interface Verdict {
  readonly line: number;
  readonly verdict: 'succeeded' | 'failed' | 'skipped';
  readonly reason?: string;
  readonly error?: { readonly name: string };
}

/** What each item deserves: poison is blamed, a stop skips, nothing else ends otherwise; and no effect happens more than once more than workers died. */
async function expectTrueVerdicts({ world, run }: RunStage, verdicts: readonly Verdict[]): Promise<void> {
  const { stop } = (await world.ledger.readRun(run))!;
  for (const { line, verdict, reason, error } of verdicts) {
    const isBlamed = world.poison.has(line) || (world.markedDeaths.get(line) ?? 0) >= 2;
    if (verdict === 'skipped') expect(reason).toBe(reason === 'duplicate' ? reason : stop?.reason);
    else expect({ line, verdict, error: error?.name }).toEqual(isBlamed && verdict === 'failed' ? { line, verdict, error: 'PoisonItemError' } : { line, verdict: 'succeeded', error: undefined });
    if (world.poison.has(line)) expect(verdict).not.toBe('succeeded');
    expect(world.effects.get(line) ?? 0).toBeLessThanOrEqual(1 + (world.deaths.get(line) ?? 0));
  }
}

async function expectOneCharge({ readAccount, run }: RunStage, succeeded: number): Promise<void> {
  const { balance, charged, holds } = await readAccount();
  expect({ balance, charged }).toEqual({ balance: BALANCE - CREDITS_PER_ITEM * succeeded, charged: CREDITS_PER_ITEM * succeeded });
  expect(holds[run]).toMatch(/^settled \d+$/);
}

/** All verdicts that the run's manifest lists, by line, from its stored files. */
function readVerdicts({ world: { results }, run }: RunStage): Verdict[] {
  const prefix = `acme/${run}/`;
  const { files } = JSON.parse(Buffer.from(results.bytesOf(`${prefix}manifest.json`)).toString()) as RunManifest;
  const rows = files
    .filter(({ path }) => path.startsWith('results/'))
    .flatMap(({ path }) => gunzipSync(results.bytesOf(prefix + path)).toString().trimEnd().split('\n'))
    .map((text) => JSON.parse(text) as Partial<Verdict>);
  return rows.flatMap((row) => (row.verdict === undefined ? [] : [row as Verdict])).sort((a, b) => a.line - b.line);
}
