import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { countRun, isPlanned, readAllShards } from '../shared/planned-run.ts';
import type { Counts } from '../shared/rows.ts';
import { startFaultFront } from '../test/support/faults/fault-front.ts';
import { assembleWithUnruly } from '../test/support/faults/overlay.ts';
import { RoughWeather } from '../test/support/faults/rough-weather.ts';
import { ShortStack } from '../test/support/faults/short-stack.ts';
import { createRandom } from './random.ts';

/**
 * A long run in rough weather: a share of all attempts of all calls between the functions and the services fails, loses its answer, is
 * throttled, comes late, or kills its caller.
 * `node --expose-gc bench/soak.ts [--items 100000] [--batch 250] [--share 0.2] [--seed 1]`
 * Each item writes a line into a journal before it does anything: that is its outside effect. Memory is the main thread's, where all emulators and
 * hosts are: V8's heap and what it holds outside, after a forced collection.
 */

const { values } = parseArgs({
  options: { items: { type: 'string', default: '100000' }, batch: { type: 'string', default: '250' }, share: { type: 'string', default: '0.2' }, seed: { type: 'string', default: '1' } },
});
const [items, itemsPerBatch, share, seed] = [Number(values.items), Number(values.batch), Number(values.share), Number(values.seed)];
if (!globalThis.gc) throw new Error('expected node --expose-gc: memory is measured after a collection');
const TIMINGS = { workerTimeoutSeconds: 20, dispatchTimeoutSeconds: 3, leaseMarginSeconds: 1, closingSeconds: 5, resendAfterSeconds: 2 };
const SWEEP_EVERY_SECONDS = 2;
const DELAY_MS = 200;
const POLL_MS = 250;
const SAMPLE_EVERY_ITEMS = 10_000;
const MB = 1_048_576;
const LOOKS = 4;

interface Sample {
  readonly items: number;
  readonly mb: number;
}

const weather = new RoughWeather(share, createRandom(seed));
const overlay = await assembleWithUnruly({ timings: TIMINGS });
const dataFolder = mkdtempSync(join(tmpdir(), 'spillway-soak-'));
let stack: ShortStack | undefined;
const stopFront: (() => Promise<void>)[] = [];
try {
  stack = await ShortStack.start({ templateFolder: overlay.folder, dataFolder, sweepEverySeconds: SWEEP_EVERY_SECONDS, frontFor });
  await soak(stack);
} finally {
  await stack?.[Symbol.asyncDispose]();
  for (const stop of stopFront) await stop();
  overlay.remove();
  rmSync(dataFolder, { recursive: true, force: true });
}
// Node.js 24.21 waits without end for handles of killed worker threads if the process ends by itself.
process.exit();

async function frontFor(target: string): Promise<string> {
  // What can't be killed has ended by itself: its call is reset, as a fault of its own.
  const front = await startFaultFront({ target, callerOf: () => 'a function', killInvocation: async (requestId) => (await stack?.stack.killInvocation(requestId)) ?? false, delayMs: DELAY_MS });
  front.play({ judge: weather.judge });
  stopFront.push(() => front.stop());
  return front.endpoint;
}

async function soak(started: ShortStack): Promise<void> {
  const startedMs = performance.now();
  const run = await started.submit('soak', Array.from({ length: items }, () => 'ok'), { itemsPerBatch });
  const { samples, wrongReads, reads } = await watch(started, run);
  const seconds = (performance.now() - startedMs) / 1_000;
  const record = (await started.client.ledger.readRun(run))!;
  const { faults, recount } = await started.verify(record);
  const effects = judgeEffects(started);
  const cells = [seed, items, record.state, faults.length, JSON.stringify(recount), `${wrongReads} of ${reads}`, `${effects.most} (${effects.tooMany} too many)`, slopeOf(samples).toFixed(2)];
  console.log('seed | items | state | faults of verify | recount | wrong reads | most effects of an item | MB a 10,000 items');
  console.log(cells.join(' | '));
  console.log(`${weather.calls} attempts, faults ${JSON.stringify(weather.faults)}; ${started.deathsOf('ProcessBatch').length} workers and ${started.deathsOf('DispatchBatches').length} dispatchers ended early; ${seconds.toFixed(0)} s`);
  if (record.error !== undefined) console.log(`the run ended ${record.state}: ${record.error}`);
  if (faults.length > 0) console.log(JSON.stringify(faults));
  console.log(`memory: ${samples.map(({ items: at, mb }) => `${Math.round(at / 1_000)}k ${mb.toFixed(0)}`).join(', ')} MB`);
  if (faults.length + wrongReads + effects.tooMany > 0) process.exitCode = 1;
}

async function watch({ client }: ShortStack, run: string): Promise<{ samples: Sample[]; wrongReads: number; reads: number }> {
  const samples: Sample[] = [];
  let [reads, wrongReads, before] = [0, 0, 0];
  for (;;) {
    const record = await client.ledger.readRun(run);
    if (isPlanned(record)) {
      const counts = countRun(record, await readAllShards(client.ledger, record));
      reads++;
      if (!isExact(counts, before)) wrongReads++;
      before = counts.succeeded;
      if (before >= (samples.at(-1)?.items ?? 0) + SAMPLE_EVERY_ITEMS) samples.push({ items: before, mb: await memoryMb() });
    }
    if (record?.state === 'finished' || record?.state === 'failed') return { samples, wrongReads, reads };
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

function isExact({ succeeded, failed, skipped, pending, total }: Counts, before: number): boolean {
  return total === items && failed + skipped === 0 && pending >= 0 && succeeded >= before && succeeded + pending === total;
}

/** The least of some looks: what is just on its way is not kept. */
async function memoryMb(): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < LOOKS; look++) {
    globalThis.gc!();
    const { heapUsed, external } = process.memoryUsage();
    looks.push((heapUsed + external) / MB);
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
  return Math.min(...looks);
}

/** Least squares, without what the first items bring. */
function slopeOf(samples: readonly Sample[]): number {
  const points = samples.map(({ items: at, mb }) => ({ x: at / 10_000, y: mb }));
  const mean = (pick: (point: { x: number; y: number }) => number): number => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [mx, my] = [mean(({ x }) => x), mean(({ y }) => y)];
  return points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0) / points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0);
}

/** Promise 2: an item's effects are at most one more than its batch's workers that died. Lines are planned in their order. */
function judgeEffects(started: ShortStack): { most: number; tooMany: number } {
  const journal = started.readJournal('soak');
  const deaths = weather.deathsByBatch(started.deaths.flatMap(({ requestId }) => requestId ?? []));
  const perShard = Math.min(5_000, 32 * itemsPerBatch);
  let [most, tooMany] = [0, 0];
  for (let i = 0; i < items; i++) {
    const effects = journal.get(`${i + 1} start`) ?? 0;
    const shard = Math.floor(i / perShard);
    const key = `${shard}/${Math.floor((i - shard * perShard) / itemsPerBatch)}`;
    most = Math.max(most, effects);
    if (effects === 0 || effects > 1 + (deaths.get(key) ?? 0)) tooMany++;
  }
  return { most, tooMany };
}
