import { parseArgs } from 'node:util';
import { DEFAULT_TIMINGS } from '../cdk/timings.ts';
import type { RunRecord } from '../shared/records.ts';
import { assembleWithUnruly } from '../test/support/faults/overlay.ts';
import { ShortStack } from '../test/support/faults/short-stack.ts';
import { peakMemoryMb } from './process-figures.ts';
import { createRandom } from './random.ts';

/**
 * What small runs feel of large ones, on the whole embedded stack with the deployed timings.
 * `node bench/fair-runs.ts [shares] [behind] [crowd] [--workers 2] [--seed 1]`
 * `shares`: a tenant with 20,000 items and two with 200, which end within 1.2 x (their time alone x sum of weights / own weight).
 * `behind`: a run of 20 items behind another tenant's of 100,000, again and again, against the same alone.
 * `crowd`: 300 runs of 20 to 200 items by 100 tenants within 10 s: all verified, wait to the first item, peak memory.
 * An item waits and costs no CPU, so that two cores have as many workers as asked for.
 */

const { values, positionals } = parseArgs({ allowPositionals: true, options: { workers: { type: 'string', default: '4' }, seed: { type: 'string', default: '1' } } });
const workers = Number(values.workers);
const random = createRandom(Number(values.seed));
const TIMEOUT_MS = 1_200_000;
const ITEM = 'sleep 20';
/** Often enough for a wait of seconds, seldom enough for 300 runs beside each other. */
const POLL_MS = 500;
const TRIALS = 50;
const SMALL_ITEMS = 200;
const ITEMS_PER_BATCH = 25;

const scenarios: Readonly<Record<string, (stack: ShortStack) => Promise<void>>> = { shares: measureShares, behind: measureBehind, crowd: measureCrowd };
const overlay = await assembleWithUnruly({ timings: DEFAULT_TIMINGS });
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(scenarios)) {
    await using stack = await ShortStack.start({ templateFolder: overlay.folder, sweepEverySeconds: 60, workers });
    console.log(`${name}, ${workers} workers:`);
    await scenarios[name]!(stack);
  }
} finally {
  overlay.remove();
}
// Node.js 24.21 may wait without end for handles of ended worker threads if the process ends by itself.
process.exit();

interface TimedRun {
  readonly record: RunRecord;
  /** From the upload to the first item, and to the end of the run. */
  readonly firstItemMs: number;
  readonly endMs: number;
}

async function timeRun(stack: ShortStack, tenant: string, items: number, name: string): Promise<TimedRun> {
  const uploadedAt = Date.now();
  const run = await stack.submit(name, Array.from({ length: items }, () => ITEM), { itemsPerBatch: ITEMS_PER_BATCH }, tenant);
  const record = await stack.client.waitForEnd(run, { timeoutMs: TIMEOUT_MS, pollMs: POLL_MS });
  if (record.state !== 'finished') throw new Error(`run ${run} ended ${record.state}: ${record.error}`);
  const rows = (await stack.client.readVerdicts(record)) as readonly { readonly startedAt?: string; readonly verdict?: string }[];
  if (rows.filter(({ verdict }) => verdict === 'succeeded').length !== items) throw new Error(`expected ${items} verdicts of run ${run}`);
  const first = Math.min(...rows.map(({ startedAt }) => Date.parse(startedAt!)));
  return { record, firstItemMs: first - uploadedAt, endMs: Date.parse(record.finishedAt!) - uploadedAt };
}

async function measureShares(stack: ShortStack): Promise<void> {
  const alone: number[] = [];
  for (let i = 0; i < 5; i++) alone.push((await timeRun(stack, 'small-a', SMALL_ITEMS, `alone-${i}`)).endMs);
  const usual = quantile(alone, 0.5);
  const large = timeRun(stack, 'large', 20_000, 'large');
  await hasBegun(stack, 'large');
  const small = await Promise.all(['small-a', 'small-b'].map((tenant) => timeRun(stack, tenant, SMALL_ITEMS, `with-${tenant}`)));
  const bound = 1.2 * usual * 3;
  console.log(`  200 items alone ${seconds(alone)} s, median ${(usual / 1000).toFixed(2)}; beside 20,000 ${seconds(small.map(({ endMs }) => endMs))} s, bound 1.2 x 3 x alone = ${(bound / 1000).toFixed(2)} s: ${small.every(({ endMs }) => endMs <= bound) ? 'kept' : 'MISSED'}`);
  console.log(`  the large run ended after ${seconds([(await large).endMs])} s`);
}

async function hasBegun(stack: ShortStack, name: string): Promise<void> {
  for (;;) {
    try {
      if (stack.readJournal(name).size > 500) return;
    } catch {
      // No item has written into it yet.
    }
    await new Promise((next) => setTimeout(next, 50));
  }
}

async function measureBehind(stack: ShortStack): Promise<void> {
  const alone = await playTrials(stack, 'alone');
  const large = timeRun(stack, 'large', 100_000, 'large');
  await hasBegun(stack, 'large');
  const behind = await playTrials(stack, 'behind');
  for (const what of ['firstItemMs', 'endMs'] as const) {
    const [a, b] = [alone, behind].map((trials) => quantile(trials.map((trial) => trial[what]), 0.99));
    const [a50, b50] = [alone, behind].map((trials) => quantile(trials.map((trial) => trial[what]), 0.5));
    console.log(`  ${what === 'endMs' ? 'to the end of the run' : 'to the first item'}: alone p50 ${a50} p99 ${a} ms, behind 100,000 items p50 ${b50} p99 ${b} ms; p99 ratio ${(b! / a!).toFixed(2)} (aim 3)`);
  }
  const isOver = await Promise.race([large.then(() => true), Promise.resolve(false)]);
  console.log(`  ${TRIALS} trials each; the large run was ${isOver ? 'OVER BEFORE THE LAST TRIAL' : 'still going on at the last'}`);
}

async function playTrials(stack: ShortStack, name: string): Promise<TimedRun[]> {
  const trials: TimedRun[] = [];
  for (let i = 0; i < TRIALS; i++) trials.push(await timeRun(stack, 'small', 20, `${name}-${i}`));
  return trials;
}

async function measureCrowd(stack: ShortStack): Promise<void> {
  const startedAt = Date.now();
  const runs = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const [items, delayMs] = [20 + Math.floor(random() * 181), random() * 10_000];
      await new Promise((next) => setTimeout(next, delayMs));
      return timeRun(stack, `tenant-${i % 100}`, items, `crowd-${i}`);
    }),
  );
  const tookMs = Date.now() - startedAt;
  let faults = 0;
  for (const { record } of runs) faults += (await stack.verify(record)).faults.length;
  const firsts = runs.map(({ firstItemMs }) => firstItemMs);
  const ends = runs.map(({ endMs }) => endMs);
  console.log(`  300 runs ended within ${seconds([tookMs])} s, ${faults} faults of verify; to the first item p50 ${seconds([quantile(firsts, 0.5)])} p99 ${seconds([quantile(firsts, 0.99)])} s; to the end p50 ${seconds([quantile(ends, 0.5)])} p99 ${seconds([quantile(ends, 0.99)])} s; peak memory ${peakMemoryMb().toFixed(0)} MB`);
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

function seconds(ms: readonly number[]): string {
  return ms.map((value) => (value / 1000).toFixed(2)).join(', ');
}
