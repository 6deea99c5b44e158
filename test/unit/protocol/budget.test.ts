import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countRun, readAllShards } from '../../../shared/planned-run.ts';
import type { PlannedRun } from '../../../shared/records.ts';
import { CREDITS_PER_ITEM } from '../../support/run-world.ts';
import { BALANCE, type Stage, startStages } from '../../support/world-stage.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
beforeAll(async () => {
  stages = await startStages();
});
afterAll(() => stages.stop());

interface BudgetStage extends Stage {
  readonly run: string;
}

/** Ten items in batches of `itemsPerBatch`, planned and sent out. */
async function aStage(itemsPaid: number, itemsPerBatch: number): Promise<BudgetStage> {
  const stage = await stages.newStage();
  const rows = Array.from({ length: 10 }, (_, i) => `row ${i}`);
  const run = await stage.world.upload('acme/noop/list.txt', rows, itemsPerBatch, { budgetCredits: itemsPaid * CREDITS_PER_ITEM });
  await stage.world.stepExecutions();
  return { ...stage, run };
}

const read = async ({ world, run }: BudgetStage) => (await world.ledger.readRun(run)) as PlannedRun;

async function countSucceeded(stage: BudgetStage): Promise<number> {
  const run = await read(stage);
  return countRun(run, await readAllShards(stage.world.ledger, run)).succeeded;
}

/** Everything happens that can, until the run pauses itself. @param isSlow workers are at work at the same time */
async function workUntilPaused(stage: BudgetStage, isSlow: boolean): Promise<void> {
  const { world } = stage;
  for (let round = 0; round < 20 && !(await read(stage)).paused; round++) {
    while (world.dispatchQueue.length > 0) await world.dispatch();
    // Some meet each other and give way; later they come one by one, as their different waits make them.
    if (isSlow && round < 3) await startAll(stage);
    else await world.work();
    world.now += 140_000;
    await world.sweep();
  }
}

/** Each message that waits goes to a worker of its own, and all have claimed before the first goes on. */
async function startAll({ world }: BudgetStage): Promise<void> {
  const waiting = world.workQueue.splice(0);
  for (const entry of waiting) {
    world.workQueue = [entry];
    world.workSlowly();
  }
  world.workQueue = [];
  await world.endSlowWorkers();
}

/** Works until the run pauses itself, then cancels it. */
async function spend(paid: number, itemsPerBatch: number, isSlow: boolean) {
  const stage = await aStage(paid, itemsPerBatch);
  await workUntilPaused(stage, isSlow);
  const { pausedFor } = await read(stage);
  const succeeded = await countSucceeded(stage);
  const begun = [...stage.world.effects.values()].reduce((sum, calls) => sum + calls, 0);
  await stage.world.cancel(stage.run);
  await stage.world.settle();
  const { balance, charged } = await stage.readAccount();
  return { pausedFor, succeeded, begun, balance, charged };
}

const exactly = (paid: number) => ({ pausedFor: 'budget', succeeded: paid, begun: paid, balance: BALANCE - paid * CREDITS_PER_ITEM, charged: paid * CREDITS_PER_ITEM });

describe('a budget', () => {
  it('pays exactly what it is enough for, then pauses the run', async () => {
    expect(await spend(5, 2, false)).toEqual(exactly(5));
    expect(await spend(3, 10, false)).toEqual(exactly(3));
  });

  it('budget-exact: workers that are at work at once begin no more than it pays, and in the end no less', async () => {
    expect(await spend(5, 2, true)).toEqual(exactly(5));
    expect(await spend(4, 3, true)).toEqual(exactly(4));
  });

  it('of nothing lets nothing begin', async () => {
    const stage = await aStage(0, 2);
    await workUntilPaused(stage, false);
    expect(await read(stage)).toMatchObject({ paused: true, pausedFor: 'budget' });
    expect(stage.world.effects.size).toBe(0);
  });

  it('that pays all of them changes nothing', async () => {
    const stage = await aStage(10, 2);
    await stage.world.settle();
    expect(await stage.readAccount()).toMatchObject({ charged: 10 * CREDITS_PER_ITEM });
  });

  it('a resumed run whose budget is spent pauses again', async () => {
    const stage = await aStage(5, 2);
    await workUntilPaused(stage, false);
    await stage.world.pause(stage.run, false);
    expect((await read(stage)).pausedFor).toBeUndefined();
    await workUntilPaused(stage, false);
    expect(await read(stage)).toMatchObject({ paused: true, pausedFor: 'budget' });
    expect(await countSucceeded(stage)).toBe(5);
  });
});
