import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleWithUnruly, type Overlay } from '../support/faults/overlay.ts';
import { killWorkerOf, recoveryOf } from '../support/faults/kill-workers.ts';
import { ShortStack } from '../support/faults/short-stack.ts';

const TIMINGS = { workerTimeoutSeconds: 8, dispatchTimeoutSeconds: 15, leaseMarginSeconds: 1, closingSeconds: 2, resendAfterSeconds: 1 };
/** No sweep comes by itself: rounds are made, and counted, by hand. */
const NEVER_SECONDS = 86_400;

let overlay: Overlay;
beforeAll(async () => void (overlay = await assembleWithUnruly({ timings: TIMINGS })));
afterAll(() => overlay.remove());

test('the first round of the sweep after the lease of a dead worker has its batch worked on again, and none before', async () => {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder, sweepEverySeconds: NEVER_SECONDS });
  const sweep = async (): Promise<void> => {
    expect(await stack.stack.invoke('SweepRuns', {})).toMatchObject({ ok: true, payload: { runs: 1, failed: 0 } });
  };
  const run = await stack.submit('killed', Array.from({ length: 10 }, () => 'sleep 2500'));
  const batch = { run, shard: 0, batch: 0 };
  const dead = (await killWorkerOf(stack, batch, 0))!;
  expect(dead).toMatchObject({ q: 0, a: 1 });
  await sweep();
  await wait(Math.max(0, dead.u + 1 - Date.now()));
  expect((await stack.client.ledger.readShards(run, [0]))[0]!.b[0]).toEqual(dead);
  await sweep();
  const { sentAt, claimedAt } = await recoveryOf(stack, batch, dead);
  expect(sentAt).toBeGreaterThan(dead.u);
  expect(claimedAt).toBeGreaterThanOrEqual(sentAt);
  const record = await stack.client.waitForEnd(run, { timeoutMs: 280_000 });
  expect(await stack.verify(record)).toMatchObject({ isClean: true, faults: [] });
  const journal = stack.readJournal('killed');
  for (let line = 1; line <= 10; line++) expect(journal.get(`${line} start`) ?? 0).toBeLessThanOrEqual(2);
});
