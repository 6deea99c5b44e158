import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assemble } from '../../cdk/assemble.ts';
import { DEFAULT_TIMINGS } from '../../cdk/timings.ts';
import { SoftState } from '../support/faults/lose.ts';
import { ShortStack } from '../support/faults/short-stack.ts';

/** As in the deployed template, a slot is looked at after less than a round of the sweep. Nobody is to die: all else is as deployed. */
const RESEND_AFTER_SECONDS = 1;
const TIMINGS = { ...DEFAULT_TIMINGS, resendAfterSeconds: RESEND_AFTER_SECONDS };
/** No sweep comes by itself: rounds are made, and counted, by hand. */
const NEVER_SECONDS = 86_400;
const RUN_TIMEOUT_MS = 280_000;
const ITEMS = 1_000;
const ITEMS_PER_BATCH = 10;

const folder = mkdtempSync(join(tmpdir(), 'spillway-soft-'));
beforeAll(() => assemble(folder, { sourceRoot: resolve(import.meta.dirname, '../..'), timings: TIMINGS }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type When = (stack: ShortStack, run: string) => Promise<void>;

/** A quarter of the items have a verdict. */
const inTheMiddle: When = async ({ client }, run) => {
  const hasComeThere = async (): Promise<boolean> => {
    const shards = await client.ledger.readShards(run, [0, 1, 2, 3]);
    return shards.reduce((sum, { ok }) => sum + ok, 0) >= ITEMS / 4;
  };
  while (!(await hasComeThere())) await wait(20);
};

/** The state machine has sent a part of the shards. */
const duringFanOut: When = ({ stack }) =>
  new Promise((seen) => stack.onCall(({ principal, action, resource }) => void (action === 'sqs:SendMessage' && /Dispatch/.test(resource) && principal.startsWith('Run') && seen())));

const cases: [name: string, when: When, lose: (state: SoftState) => Promise<unknown>][] = [
  ['every queue is purged and the lanes are deleted', inTheMiddle, (state) => Promise.all([state.purgeQueues(), state.deleteLanes()])],
  ['every queue is purged', inTheMiddle, (state) => state.purgeQueues()],
  ['the lanes are deleted', inTheMiddle, (state) => state.deleteLanes()],
  ['the dispatch queue is purged during fan-out', duringFanOut, (state) => state.purgeQueues('Dispatch')],
];

test.each(cases)('%s: two rounds of the sweep heal it', async (name, when, lose) => {
  await using stack = await ShortStack.start({ templateFolder: folder, sweepEverySeconds: NEVER_SECONDS });
  const { client } = stack;
  const rows = Array.from({ length: ITEMS }, (_, i) => JSON.stringify({ value: `item ${i}` }));
  const seen = when === duringFanOut ? when(stack, '') : undefined;
  const run = await client.upload('acme/noop/lost.jsonl', rows.join('\n'), { 'spillway-options': JSON.stringify({ itemsPerBatch: ITEMS_PER_BATCH }) });
  await (seen ?? when(stack, run));
  const lostAt = Date.now();
  await lose(new SoftState(stack.stack));
  expect((await client.ledger.readRun(run))?.state).toBe('open');
  await sweep(stack);
  await wait(Math.max(0, lostAt + 1_000 * RESEND_AFTER_SECONDS - Date.now()));
  await sweep(stack);
  const record = await client.waitForEnd(run, { timeoutMs: RUN_TIMEOUT_MS });
  console.log(`${name}: ended ${((Date.now() - lostAt) / 1_000).toFixed(1)} s and two rounds of the sweep later`);
  expect(await stack.verify(record)).toMatchObject({ isClean: true, faults: [] });
});

async function sweep({ stack }: ShortStack): Promise<void> {
  // The run may be over before the second round.
  expect(await stack.invoke('SweepRuns', {})).toMatchObject({ ok: true, payload: { failed: 0 } });
}
