import { afterAll, beforeAll, expect, test } from 'vitest';
import { assembleWithUnruly, type Overlay } from '../support/faults/overlay.ts';
import { ShortStack } from '../support/faults/short-stack.ts';

/**
 * The deployed bundles hold registered processors alone, and none of those misbehaves: here the registry has one more, and all else is the
 * project's own (`overlay.ts`). Its items may be in work for 3 seconds, a worker for 6.
 */
const TIMINGS = { workerTimeoutSeconds: 6, dispatchTimeoutSeconds: 2, leaseMarginSeconds: 1, closingSeconds: 2, resendAfterSeconds: 2 };
const WORKER = 'ProcessBatchStandard';

let overlay: Overlay;
beforeAll(async () => void (overlay = await assembleWithUnruly({ timings: TIMINGS })));
afterAll(() => overlay.remove());

/** `count` items that do nothing, and others at given places. */
const rowsOf = (count: number, others: Readonly<Record<number, string>>): string[] => Array.from({ length: count }, (_, i) => others[i] ?? 'ok');

/** An environment that retires ends within its invocation, too. */
const retirements = (stack: ShortStack): string[] => stack.stack.readLog(WORKER).filter((line) => line.includes('environment retires'));

test('of a batch with three poison items exactly these three fail, each with its reason', async () => {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder });
  const startedAt = Date.now();
  const rows = rowsOf(30, { 4: 'exit', 11: 'hang', 23: 'memory' });
  const { errors, succeeded, starts } = await stack.runToEnd('three', rows, { itemsPerBatch: 30 });
  expect(errors).toEqual({ exit: 'PoisonItemError', hang: 'ItemTimeoutError', memory: 'PoisonItemError' });
  expect(succeeded).toBe(27);
  // What still runs when it was told to end ends with its environment.
  expect(retirements(stack).join()).toMatch(/1 items did not end when they were told to/);
  const deaths = stack.deathsOf(WORKER).length - retirements(stack).length;
  console.log(`three poison items in a batch of 30: ${deaths} deaths, ${((Date.now() - startedAt) / 1000).toFixed(0)} s; ${stack.deathsOf(WORKER).map(({ errorType }) => errorType).join(', ')}`);
  // Of each of the two that kill two die alone; and two beside the others, once at first and once after each delivery that ended alive.
  expect(deaths).toBeGreaterThanOrEqual(6);
  for (const count of starts) expect(count).toBeLessThanOrEqual(1 + deaths);
});

test('an uncaught error and an endless loop are poison, too', async () => {
  await using stack = await ShortStack.start({ templateFolder: overlay.folder });
  const [thrown, looped] = await Promise.all([stack.runToEnd('thrown', rowsOf(10, { 3: 'throw' })), stack.runToEnd('looped', rowsOf(10, { 9: 'loop' }))]);
  expect([thrown.errors, thrown.succeeded]).toEqual([{ throw: 'PoisonItemError' }, 9]);
  expect([looped.errors, looped.succeeded]).toEqual([{ loop: 'PoisonItemError' }, 9]);
  // Nothing but the function's time-out ends a loop that never yields.
  expect(new Set(stack.deathsOf(WORKER).map(({ errorType }) => errorType))).toContain('Sandbox.Timedout');
});
