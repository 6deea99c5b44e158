import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { planRun } from '../../../lambdas/plan-run/plan-run.ts';
import type { SettleRequest } from '../../../shared/ports.ts';
import { stopRun } from '../../../shared/stop-run.ts';
import { Life, once, survive } from '../../support/life.ts';
import type { RunWorld } from '../../support/run-world.ts';
import { startStages } from '../../support/world-stage.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
let world: RunWorld;
let run: string;

beforeAll(async () => {
  stages = await startStages();
});
afterAll(() => stages.stop());
/** Two batches of two items, not planned yet. */
beforeEach(async () => {
  ({ world } = await stages.newStage());
  run = await world.upload('acme/noop/list.txt', ['a', 'b', 'c', 'd'], 2);
});

const readShard = async () => (await world.ledger.readShard(run, 0))!;
const counts = async () => {
  const { ok, ko, sk, nd } = await readShard();
  return { ok, ko, sk, nd };
};
const batch = (k: number) => ({ run, shard: 0, batch: k });

describe('the rules of the plan', () => {
  it('plan-frozen: of two plannings at once the first one stands, and its files are what is worked on', async () => {
    const ports = world.ports();
    let plan: string | undefined;
    const freezePlan: typeof world.ledger.freezePlan = async (...parameters) => {
      // Another planning is faster.
      if (plan === undefined) {
        plan = 'of the other';
        await planRun({ v: 1, run }, ports);
        plan = (await world.ledger.readRun(run))!.plan;
        await world.ledger.claim({ ...batch(0), q: 0, owner: 'w', now: world.now, until: world.now + 1 });
      }
      return world.ledger.freezePlan(...parameters);
    };
    await planRun({ v: 1, run }, { ...ports, ledger: { ...ports.ledger, readRun: world.ledger.readRun, putShard: world.ledger.putShard, freezePlan } });
    expect((await world.ledger.readRun(run))!.plan).toBe(plan);
    expect(await readShard()).toMatchObject({ plan, b: { 0: { o: 'w' } } });
  });

  it('shard-if-absent: a plan step that is repeated takes nothing back that is settled', async () => {
    await world.stepExecutions();
    await world.dispatch();
    await world.work();
    const before = await readShard();
    expect(before.ok).toBe(2);
    await planRun({ v: 1, run }, world.ports());
    expect(await readShard()).toEqual(before);
  });
});

describe('the rules of stopping', () => {
  it('cancel-condition: items that a worker settles while the run is being stopped are not skipped as well', async () => {
    await world.stepExecutions();
    await world.ledger.claim({ ...batch(0), q: 0, owner: 'w', now: world.now, until: world.now + 1000 });
    const ports = world.ports();
    let isBeaten = false;
    const settle = async (settlement: SettleRequest) => {
      // The worker is faster, once, and leaves an item over.
      if (!isBeaten) {
        isBeaten = true;
        await world.ledger.settle({ ...batch(0), q: 0, owner: 'w', left: '1', part: 'p', message: 'm', counts: { ok: 1, ko: 0, sk: 0 } });
      }
      return world.ledger.settle(settlement);
    };
    await stopRun(run, 'cancelled', { ...ports, ledger: { ...world.ledger, settle } });
    expect(await counts()).toEqual({ ok: 1, ko: 0, sk: 3, nd: 2 });
  });

  it('cancel-repeated: a stop that was cut short is finished by the sweep', async () => {
    await world.stepExecutions();
    await world.stepExecutions();
    world.fate = once('settle', 'dies before');
    await world.cancel(run);
    expect(await world.ledger.readRun(run)).toMatchObject({ state: 'stopping' });
    expect(await counts()).toMatchObject({ sk: 0 });
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect(await counts()).toEqual({ ok: 0, ko: 0, sk: 4, nd: 2 });
  });

  it('cancel-repeated: a stop that came before the plan is finished after it, though the planner dies', async () => {
    await world.cancel(run);
    await survive(new Life(once('settle', 'dies before')), (life) => planRun({ v: 1, run }, world.ports(life)));
    expect(await counts()).toMatchObject({ sk: 0 });
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect(await counts()).toEqual({ ok: 0, ko: 0, sk: 4, nd: 2 });
  });

  it('state-first: from the moment that a stop is asked for, no worker begins a batch', async () => {
    await world.stepExecutions();
    await world.dispatch();
    world.fate = once('readShards', 'dies before');
    await world.cancel(run);
    await world.work();
    expect(world.effects.size).toBe(0);
    expect((await readShard()).b[0]).toMatchObject({ a: 0 });
  });
});
