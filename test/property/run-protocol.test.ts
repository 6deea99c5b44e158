import { gunzipSync } from 'node:zlib';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunManifest } from '../../shared/rows.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { RunWorld } from '../support/run-world.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
beforeAll(async () => {
  dynamo = await startDynamo();
});
afterAll(() => dynamo.stop());

let worlds = 0;
async function aWorld(): Promise<{ world: RunWorld; loseLanes(): Promise<void> }> {
  const [progress, lanes] = [`progress-${worlds}`, `lanes-${worlds++}`];
  await dynamo.createTable(progress, ['pk', 'sort']);
  await dynamo.createTable(lanes, ['pk']);
  const world = new RunWorld(createRunLedger(dynamo.client, progress), createLaneStore(dynamo.client, lanes));
  return { world, loseLanes: async () => void (await dynamo.client.send(new DeleteCommand({ TableName: lanes, Key: { pk: 'LANES' } }))) };
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
} as const;
type Action = keyof typeof ACTIONS;
const action = fc.oneof(...Object.entries(ACTIONS).map(([name, weight]) => ({ arbitrary: fc.constant(name as Action), weight: 10 * weight })));
/** Share of calls that their process does not survive. */
const crashRatio = fc.constantFrom(0, 0.02, 0.1);

it('whatever crashes, is doubled or lost: every item gets one verdict, at every read the counts are whole, and the run ends', async () => {
  const sizes = fc.record({ items: fc.integer({ min: 1, max: 30 }), itemsPerBatch: fc.integer({ min: 1, max: 4 }) });
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(action, { minLength: 20, maxLength: 80, size: 'max' }), crashRatio, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), async (size, actions, ratio, chances) => {
      const { world, loseLanes } = await aWorld();
      const rows = Array.from({ length: size.items }, (_, i) => `row ${i}`);
      const run = await world.upload('acme/noop/list.txt', [...rows, rows[0]!], size.itemsPerBatch);
      // Most schedules begin when there is something to lose.
      await world.stepExecutions();
      await world.dispatch();
      world.fate = () => {
        const chance: number = chances.next().value;
        return chance < ratio / 2 ? 'before' : chance < ratio ? 'after' : 'never';
      };
      for (const step of actions) {
        await perform(step, world, loseLanes);
        await expectWholeCounts(world, run, size.items + 1);
      }
      await world.settle();
      await expectWholeCounts(world, run, size.items + 1);
      expect((await world.ledger.readRun(run))!.state).toBe('finished');
      expect(readLines(world, run)).toEqual([...rows, rows[0]].map((_, i) => i + 1));
    }),
    { numRuns: 40 },
  );
});

async function perform(step: Action, world: RunWorld, loseLanes: () => Promise<void>): Promise<void> {
  if (step === 'executions') await world.stepExecutions();
  else if (step === 'dispatch') await world.dispatch();
  else if (step === 'work') await world.work();
  else if (step === 'work doubled') await world.work(true);
  else if (step === 'work slowly') world.workSlowly();
  else if (step === 'slow workers end') await world.endSlowWorkers();
  else if (step === 'sweep') await world.sweep();
  else if (step === 'time passes') world.now += 140_000; // longer than a lease
  else if (step === 'work queue purged') world.workQueue = [];
  else if (step === 'dispatch queue purged') world.dispatchQueue = [];
  else await loseLanes();
}

async function expectWholeCounts({ ledger }: RunWorld, run: string, total: number): Promise<void> {
  const record = await ledger.readRun(run);
  if (!isPlanned(record)) return;
  const counts = countRun(record, await readAllShards(ledger, record));
  expect(counts.total).toBe(total);
  expect(counts.succeeded + counts.failed + counts.skipped + counts.pending).toBe(total);
  expect(Math.min(counts.pending, counts.succeeded)).toBeGreaterThanOrEqual(0);
}

/** The lines of all verdicts that the run's manifest lists, from its stored files. */
function readLines({ results }: RunWorld, run: string): number[] {
  const prefix = `acme/${run}/`;
  const { files } = JSON.parse(Buffer.from(results.bytesOf(`${prefix}manifest.json`)).toString()) as RunManifest;
  const rows = files
    .filter(({ path }) => path.startsWith('results/'))
    .flatMap(({ path }) => gunzipSync(results.bytesOf(prefix + path)).toString().trimEnd().split('\n'))
    .map((text) => JSON.parse(text) as { line?: number; verdict?: string });
  return rows.flatMap(({ line, verdict }) => (verdict === undefined ? [] : [line!])).sort((a, b) => a - b);
}
