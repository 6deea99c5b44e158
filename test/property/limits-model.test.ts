import assert from 'node:assert/strict';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLimitTable } from '../../shared/aws/limit-table.ts';
import type { LimitTable } from '../../shared/http/host-limiter.ts';
import { CLOCK_SKEW_MS, type Limit } from '../../shared/limits.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { atCall, Life, outlive } from '../support/life.ts';
import { type Fault, faults, MODEL_RUNS } from '../support/model-steps.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let keys = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('limits', ['pk']);
});
afterAll(() => dynamo.stop());

const SECOND_US = 1_000_000;
const START_MS = 1_700_000_000_000;
const WORKERS = 3;
/** Two clocks differ by no more than the skew. */
const offsets = fc.array(fc.integer({ min: -CLOCK_SKEW_MS / 2, max: CLOCK_SKEW_MS / 2 }), { minLength: WORKERS, maxLength: WORKERS });

/** A worker of its own life: what it remembers of the table goes with it. */
class Worker {
  readonly offsetMs: number;
  #life = new Life(() => 'never');
  #table: LimitTable;

  constructor(offsetMs: number) {
    this.offsetMs = offsetMs;
    this.#table = this.#newTable();
  }

  #newTable(): LimitTable {
    const send = (...of: Parameters<DynamoDBDocumentClient['send']>) => this.#life.spoil(dynamo.client).send(...of);
    return createLimitTable({ send } as DynamoDBDocumentClient, 'limits');
  }

  /** @returns the answer, or undefined if the worker died or heard of a failure */
  async call<T>({ call, fate }: Fault, work: (table: LimitTable) => Promise<T>): Promise<T | undefined> {
    this.#life = new Life(atCall(call, fate));
    const end = await outlive(this.#life, () => work(this.#table));
    if (this.#life.isDead) this.#table = this.#newTable();
    return end?.answer;
  }
}

interface Scene {
  now: number;
}

/** Oracle: the windows, each from a start to a start, that hold more than burst + W / T. */
const overfullWindows = (starts: readonly number[], { burst, unitUs }: Limit): [number, number][] =>
  starts.flatMap((from, i) => starts.slice(i).flatMap((to, more): [number, number][] => (more + 1 > burst + (to - from) / unitUs ? [[from, to]] : [])));

interface RateScene extends Scene {
  readonly limit: Limit;
  readonly granted: number[];
}
interface RateReal {
  readonly key: string;
  readonly workers: readonly Worker[];
}

/** Some workers ask at once, each for some units. */
class Reserve implements fc.AsyncCommand<RateScene, RateReal> {
  readonly requests: readonly { readonly worker: number; readonly units: number; readonly fault: Fault }[];
  readonly passesMs: number;

  constructor(requests: Reserve['requests'], passesMs: number) {
    this.requests = requests;
    this.passesMs = passesMs;
  }

  check = () => true;

  async run(scene: RateScene, { key, workers }: RateReal): Promise<void> {
    scene.now += this.passesMs;
    const { limit } = scene;
    const answers = await Promise.all(
      this.requests.map(async ({ worker: n, units, fault }) => {
        const worker = workers[n]!;
        const nowUs = 1000 * (scene.now + worker.offsetMs);
        const answer = await worker.call(fault, (table) => table.reserve({ key, limit, units, nowUs }));
        if (answer?.kind !== 'granted') return [];
        assert.equal(answer.startsUs.length, units);
        assert.ok(Math.min(...answer.startsUs) >= nowUs, 'a start lies before its request');
        assert.ok(Math.max(...answer.startsUs) - nowUs <= limit.maxWaitUs, 'a start lies further off than may be waited for');
        return answer.startsUs;
      }),
    );
    scene.granted.push(...answers.flat());
    scene.granted.sort((a, b) => a - b);
    assert.deepEqual(overfullWindows(scene.granted, limit), []);
  }

  toString = () => `${this.passesMs} ms later ${JSON.stringify(this.requests)}`;
}

describe('rates', () => {
  const limits = fc.record({ unitUs: fc.integer({ min: 50_000, max: SECOND_US }), burst: fc.integer({ min: 1, max: 4 }), maxWaitUs: fc.integer({ min: 0, max: 3 * SECOND_US }) });
  /** A worker makes one call at a time. */
  const requests = fc.uniqueArray(fc.record({ worker: fc.nat(WORKERS - 1), units: fc.integer({ min: 1, max: 5 }), fault: faults }), { minLength: 1, maxLength: WORKERS, selector: ({ worker }) => worker });
  const command = fc.tuple(requests, fc.oneof(fc.constant(0), fc.nat(1500))).map(([each, passesMs]) => new Reserve(each, passesMs));

  it('in any window no more starts than its burst and its rate allow, over all workers, whatever crashes, is lost or made twice; a rested key grants', async () => {
    await fc.assert(
      fc.asyncProperty(limits, offsets, fc.commands([command], { maxCommands: 30, size: 'max' }), async (limit, clockOffsets, commands) => {
        const scene: RateScene = { now: START_MS, limit, granted: [] };
        const real: RateReal = { key: `host:${keys++}`, workers: clockOffsets.map((offset) => new Worker(offset)) };
        await fc.asyncModelRun(() => ({ model: scene, real }), commands);
        const rest = createLimitTable(dynamo.client, 'limits');
        // No matter how much was granted to nobody: a key holds at most its burst and its wait.
        const nowUs = 1000 * (scene.now + CLOCK_SKEW_MS) + limit.maxWaitUs + limit.burst * limit.unitUs;
        expect(await rest.reserve({ key: real.key, limit, units: limit.burst, nowUs })).toMatchObject({ kind: 'granted', startsUs: Array.from({ length: limit.burst }, () => nowUs) });
      }),
      { numRuns: MODEL_RUNS(25), endOnFailure: true },
    );
  });
});

interface Held {
  readonly owner: number;
  readonly index: number;
  /** By true time. */
  readonly until: number;
}
interface SlotScene extends Scene {
  held: Held[];
  /** Of each worker the slot that it took last; it may give it back when another has it. */
  readonly last: Map<number, number>;
}
interface SlotReal extends RateReal {
  readonly slots: number;
}

/** A worker takes another slot, renews one, or gives one back. */
class UseSlot implements fc.AsyncCommand<SlotScene, SlotReal> {
  readonly use: { readonly kind: 'take' | 'renew' | 'give back'; readonly worker: number; readonly passesMs: number; readonly leaseMs: number; readonly fault: Fault };

  constructor(use: UseSlot['use']) {
    this.use = use;
  }

  check = () => true;

  async run(scene: SlotScene, { key, slots, workers }: SlotReal): Promise<void> {
    const { kind, worker: n, passesMs, leaseMs, fault } = this.use;
    scene.now += passesMs;
    scene.held = scene.held.filter(({ until }) => until > scene.now);
    const worker = workers[n]!;
    const own = scene.held.filter(({ owner }) => owner === n);
    const mine = own[0];
    if (kind === 'give back') {
      const index = scene.last.get(n);
      if (index === undefined) return;
      // Whoever gives a slot back uses it no more, whatever becomes of the call.
      scene.held = scene.held.filter((each) => each.owner !== n || each.index !== index);
      await worker.call(fault, (table) => table.giveSlotBack({ key, index, owner: `w${n}` }));
      return;
    }
    const renewed = kind === 'renew' ? mine : undefined;
    const now = scene.now + worker.offsetMs;
    const until = now + leaseMs;
    const held = own.filter((each) => each !== renewed).map(({ index }) => index);
    const answer = await worker.call(fault, (table) => table.takeSlot({ key, slots, owner: `w${n}`, now, until, held, ...(renewed && { index: renewed.index }) }));
    // A lease that was given up for a new one is used no more.
    if (renewed) scene.held = scene.held.filter((each) => each !== renewed);
    if (answer?.kind !== 'taken') return;
    assert.ok(answer.index < slots);
    assert.deepEqual(scene.held.filter(({ index }) => index === answer.index), []);
    scene.last.set(n, answer.index);
    scene.held.push({ owner: n, index: answer.index, until: until - worker.offsetMs });
    assert.ok(scene.held.length <= slots, 'more connections than slots');
  }

  toString = () => JSON.stringify(this.use);
}

describe('connections', () => {
  const use = fc
    .record({ kind: fc.constantFrom('take' as const, 'take' as const, 'renew' as const, 'give back' as const), worker: fc.nat(WORKERS - 1), passesMs: fc.constantFrom(0, 20, 40, 500), leaseMs: fc.constantFrom(60, 400, 2000), fault: faults })
    .map((each) => new UseSlot(each));

  it('are never more than there are slots, nor one slot two workers’ at once, whatever crashes, is lost or made twice; all are free when every lease is over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), offsets, fc.commands([use], { maxCommands: 40, size: 'max' }), async (slots, clockOffsets, commands) => {
        const scene: SlotScene = { now: START_MS, held: [], last: new Map() };
        const real: SlotReal = { key: `host:${keys++}`, slots, workers: clockOffsets.map((offset) => new Worker(offset)) };
        await fc.asyncModelRun(() => ({ model: scene, real }), commands);
        const now = scene.now + 2000 + 2 * CLOCK_SKEW_MS;
        const table = createLimitTable(dynamo.client, 'limits');
        const taken = [];
        for (let i = 0; i < slots; i++) taken.push(await table.takeSlot({ key: real.key, slots, owner: `new ${i}`, now, until: now + 1000, held: [] }));
        expect(taken.map(({ kind }) => kind)).toEqual(Array.from({ length: slots }, () => 'taken'));
      }),
      { numRuns: MODEL_RUNS(25), endOnFailure: true },
    );
  });
});
