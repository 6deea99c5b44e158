import { parseArgs } from 'node:util';
import { assembleWithUnruly } from '../test/support/faults/overlay.ts';
import { killWorkerOf, recoveryOf } from '../test/support/faults/kill-workers.ts';
import { ShortStack } from '../test/support/faults/short-stack.ts';
import { createRandom } from './random.ts';

/**
 * How long the batch of a killed worker lies there: from the end of its lease, which nobody may cut short, to the next claim.
 * Until the dispatcher has sent it again it is the protocol's time; after that a worker has to come, and a killed environment to be loaded anew.
 * `node bench/recovery.ts [--trials 36] [--sweep-seconds 2] [--seed 1]`
 * Three runs side by side, two batches each; each batch loses its first worker at a random moment of its work. On AWS the sweep comes every 60 s
 * and a lease is the worker's time-out and 10 s; here both are short, and what is measured scales with the sweep's period.
 */

const { values } = parseArgs({ options: { trials: { type: 'string', default: '36' }, 'sweep-seconds': { type: 'string', default: '2' }, seed: { type: 'string', default: '1' } } });
const trials = Number(values.trials);
const sweepEverySeconds = Number(values['sweep-seconds']);
const random = createRandom(Number(values.seed));
const RUNS = 3;
const BATCHES = 2;
const ITEMS_PER_BATCH = 5;
/** An item takes so long, and its worker dies before. */
const ITEM_MS = 2_500;
const TIMINGS = { workerTimeoutSeconds: 15, dispatchTimeoutSeconds: 15, leaseMarginSeconds: 1, closingSeconds: 3, resendAfterSeconds: 8 };

interface Delay {
  readonly sentMs: number;
  readonly claimedMs: number;
}

const overlay = await assembleWithUnruly({ timings: TIMINGS });
try {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder, sweepEverySeconds, workers: RUNS * BATCHES });
  const delays: Delay[] = [];
  for (let round = 0; delays.length < trials; round++) delays.push(...(await playRound(stack, round)));
  report('sent again', delays.map(({ sentMs }) => sentMs));
  report('claimed again', delays.map(({ claimedMs }) => claimedMs));
} finally {
  overlay.remove();
}

async function playRound(stack: ShortStack, round: number): Promise<Delay[]> {
  const rows = Array.from({ length: BATCHES * ITEMS_PER_BATCH }, () => `sleep ${ITEM_MS}`);
  const delays = Array.from({ length: RUNS }, async (_, i) => {
    const run = await stack.submit(`round-${round}-${i}`, rows, { itemsPerBatch: ITEMS_PER_BATCH });
    const measured = Promise.all(Array.from({ length: BATCHES }, (_unused, batch) => measure(stack, { run, shard: 0, batch })));
    await stack.client.waitForEnd(run, { timeoutMs: 600_000 });
    return measured;
  });
  return (await Promise.all(delays)).flat(2);
}

/** @returns nothing if the worker was done before it could be killed */
async function measure(stack: ShortStack, batch: { run: string; shard: number; batch: number }): Promise<Delay[]> {
  const dead = await killWorkerOf(stack, batch, random() * ITEM_MS * 0.8);
  if (!dead) return [];
  const { sentAt, claimedAt } = await recoveryOf(stack, batch, dead);
  return [{ sentMs: sentAt - dead.u, claimedMs: claimedAt - dead.u }];
}

function report(what: string, delaysMs: readonly number[]): void {
  const sorted = delaysMs.toSorted((a, b) => a - b);
  const at = (share: number): string => `${(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]! / 1_000).toFixed(2)} s`;
  console.log(`${sorted.length} killed workers, a sweep every ${sweepEverySeconds} s; from lease end until ${what}: p50 ${at(0.5)}, p99 ${at(0.99)}, least ${at(0)}, most ${at(1)}`);
}
