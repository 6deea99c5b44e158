import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../../shared/records.ts';
import { tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { type RunWorld } from '../../support/run-world.ts';
import { type Stage, startStages } from '../../support/world-stage.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
let stage: Stage;
let world: RunWorld;
beforeAll(async () => {
  stages = await startStages();
});
afterAll(() => stages.stop());
beforeEach(async () => {
  stage = await stages.newStage();
  ({ world } = stage);
});

const cap = (maxWaitingItems: number, more: object = {}) => stage.settings.writeSettings('acme', tenantSettingsSchema.parse({ maxWaitingItems, ...more }));
const upload = (name: string, items: number, options = {}) => world.upload(`acme/noop/${name}`, Array.from({ length: items }, (_, i) => `row ${i}`), 2, options);
const read = async (run: string) => (await world.ledger.readRun(run)) as RunRecord;

/** One after the other, as uploads come: each is planned before the next one is. */
async function uploadAll(...runs: readonly (readonly [name: string, items: number, options?: object])[]): Promise<string[]> {
  const ids = [];
  for (const [name, items, options] of runs) {
    ids.push(await upload(name, items, options));
    await world.stepExecutions();
    world.now += 1000;
  }
  return ids;
}

const EMPTY = { waiting: 0, holds: {}, line: {} };

describe('a cap on waiting items', () => {
  it('a run that would exceed it is planned and waits, and says how many items come before it', async () => {
    await cap(5);
    const [first, second] = await uploadAll(['a', 4], ['b', 2]);
    expect((await read(first!)).queued).toBeUndefined();
    expect((await read(second!)).queued).toMatchObject({ reason: 'waiting', needs: 2, ahead: 4 });
    expect(await stage.room.read('acme')).toMatchObject({ waiting: 4, holds: { [first!]: 4 }, line: { [second!]: 2 } });
  });

  it('leave-at-end: the end of a run lets the next one in, without a sweep, and in the end nothing waits', async () => {
    await cap(5);
    const runs = await uploadAll(['a', 4], ['b', 2], ['c', 3]);
    expect(await world.settle()).toBe(0);
    expect(await Promise.all(runs.map(async (run) => (await read(run)).state))).toEqual(['finished', 'finished', 'finished']);
    expect(await stage.room.read('acme')).toMatchObject(EMPTY);
  });

  it('a run that is larger than the cap gets in when nothing waits', async () => {
    await cap(3);
    const [first, large] = await uploadAll(['a', 2], ['b', 10]);
    expect((await read(large!)).queued).toBeDefined();
    await world.settle();
    expect((await read(first!)).state).toBe('finished');
    expect((await read(large!)).state).toBe('finished');
  });

  it('no-overtaking: nobody overtakes a run of its tenant that waits, however small it is, but urgent ones go first', async () => {
    await cap(5);
    const [, large, small, urgent] = await uploadAll(['a', 4], ['b', 5], ['c', 1], ['d', 1, { priority: 'urgent' }]);
    for (const run of [large, small, urgent]) expect((await read(run!)).queued).toMatchObject({ reason: 'waiting' });
    await cap(6);
    await world.sweep();
    expect((await read(urgent!)).queued).toBeUndefined();
    expect((await read(large!)).queued).toBeDefined();
    expect((await read(small!)).queued).toBeDefined();
  });

  it('done-leaves: what is done waits no more after the next sweep', async () => {
    await cap(5);
    const [first, second] = await uploadAll(['a', 4], ['b', 3]);
    await world.dispatch();
    await world.work();
    await world.sweep();
    expect(await stage.room.read('acme')).toMatchObject({ waiting: 2 + 3, holds: { [first!]: 2, [second!]: 3 }, line: {} });
  });

  it('the estimate is what went in the last minutes', async () => {
    await cap(9);
    await uploadAll(['a', 8]);
    await world.dispatch();
    await world.sweep();
    for (const _ of [0, 1]) await world.work();
    world.now += 60_000;
    await world.sweep();
    const [late] = await uploadAll(['b', 9]);
    expect(await stage.room.read('acme')).toMatchObject({ waiting: 4, itemsPerSecond: 4 / 60 });
    expect((await read(late!)).queued).toMatchObject({ ahead: 4, waitSeconds: 60 });
  });

  it('a run that waits is cancelled, and ended by its time limit, like any other', async () => {
    await cap(3);
    const [, cancelled, late] = await uploadAll(['a', 3], ['b', 2], ['c', 2, { timeLimitSeconds: 10 }]);
    await world.cancel(cancelled!);
    world.now += 60_000;
    await world.sweep();
    expect((await read(late!)).stop).toMatchObject({ reason: 'time limit' });
    await world.settle();
    expect((await read(cancelled!)).stop).toMatchObject({ reason: 'cancelled' });
    expect(await stage.room.read('acme')).toMatchObject(EMPTY);
  });

  it('sweep-tends: what a crash left of runs that have ended is taken away by the sweep', async () => {
    await cap(5);
    const [run] = await uploadAll(['a', 4]);
    await world.settle();
    await stage.room.enter({ tenant: 'acme', run: run!, items: 4, cap: 5, joinsLine: true });
    await stage.room.enter({ tenant: 'acme', run: 'r-that-never-was', items: 4, cap: 5, joinsLine: true });
    await world.sweep();
    expect(await stage.room.read('acme')).toMatchObject(EMPTY);
  });

  it('all tenants together may have one, too: a run of another tenant waits for it, and gets in at the end of the first', async () => {
    await stage.settings.writeSettings('*', tenantSettingsSchema.parse({ maxWaitingItems: 5 }));
    const first = await world.upload('acme/noop/a', ['1', '2', '3', '4'], 2);
    await world.stepExecutions();
    // Without a price: only acme has credits here.
    const second = await world.upload('zoo/noop/b', ['1', '2', '3'], 2, { budgetCredits: 0 });
    await world.stepExecutions();
    expect((await read(first)).queued).toBeUndefined();
    expect((await read(second)).queued).toMatchObject({ reason: 'waiting', ahead: 4, scope: 'all tenants' });
    await world.dispatch();
    while (world.workQueue.length > 0) await world.work();
    for (let step = 0; step < 4; step++) await world.stepExecutions();
    expect((await read(first)).state).toBe('finished');
    expect((await read(second)).queued).toBeUndefined();
    await world.cancel(second);
    await world.settle();
    expect(await stage.room.read('*')).toMatchObject(EMPTY);
  });

  it('without a cap nothing is counted', async () => {
    await uploadAll(['a', 4]);
    await world.settle();
    expect(await stage.room.read('acme')).toBeUndefined();
  });
});
