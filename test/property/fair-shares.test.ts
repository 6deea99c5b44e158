import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { addRun, addShards, emptyLanes, openShard, pickBatches } from '../../shared/lanes.ts';
import { aShard } from '../support/ledger-fixtures.ts';
import { FairWorld, type FairTenant, type Sent } from '../support/fair-world.ts';

/** Oracles of start-time fair queueing: the sums below are of what was sent, and know nothing of tags. */

const weight = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 100 }));
const tenant = fc.record({ weight, cap: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }), pace: fc.constantFrom(1, 2, 7), error: fc.constantFrom(0.1, 0.5, 1, 2, 4) }, { requiredKeys: ['weight', 'pace', 'error'] });
const schedule = fc.record({
  tenants: fc.array(tenant, { minLength: 2, maxLength: 5 }),
  seed: fc.nat(1e6),
  window: fc.integer({ min: 1, max: 12 }),
  largest: fc.integer({ min: 1, max: 20 }),
  pauseRate: fc.constantFrom(0, 0.004, 0.05),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

const PICKS = 250;
const EPSILON = 1e-6;

/** Lanes 0 and 1 are watched: a bound counts over every interval in which both have work and may send. */
class Watch {
  worst = 0;
  readonly #world: FairWorld;
  readonly #unit: number;
  readonly #sums = [0, 0];
  #range: { low: number; high: number } | undefined;

  constructor(world: FairWorld, largestCost: (tenant: FairTenant) => number) {
    this.#world = world;
    this.#unit = [0, 1].reduce((sum, i) => sum + largestCost(world.tenants[i]!) / world.tenants[i]!.weight, 0);
  }

  add({ tenant: i }: Sent, cost: number): void {
    if (i < 2) this.#sums[i]! += cost;
  }

  look(): void {
    const mayBoth = [0, 1].every((i) => !this.#world.isHeld(i) && !this.#world.isCapped(i) && !this.#world.isAway(i));
    if (!mayBoth) return void (this.#range = undefined);
    const lag = this.#sums[0]! / this.#world.tenants[0]!.weight - this.#sums[1]! / this.#world.tenants[1]!.weight;
    this.#range ??= { low: lag, high: lag };
    this.#range = { low: Math.min(this.#range.low, lag), high: Math.max(this.#range.high, lag) };
    this.worst = Math.max(this.worst, (this.#range.high - this.#range.low) / this.#unit);
  }
}

function play({ tenants, seed, window, largest, pauseRate }: Schedule, isCorrected: boolean, seen: (world: FairWorld, sent: Sent | undefined) => void): void {
  const world = new FairWorld(tenants, { seed, largest });
  for (let picks = 0; picks < PICKS; ) {
    for (let i = 0; i < tenants.length; i++) if (world.random() < (i < 2 ? pauseRate : 0.03)) world.hold(i, !world.isHeld(i));
    for (let sent = world.pickOne(window); sent; sent = world.pickOne(window)) {
      picks++;
      seen(world, sent);
    }
    // Whoever may send has sent, as long as there is room.
    if (world.flights.length < window) for (let i = 0; i < tenants.length; i++) expect(world.isHeld(i) || world.isCapped(i)).toBe(true);
    if (world.flights.length === 0) for (let i = 0; i < tenants.length; i++) world.hold(i, false);
    world.endOne(isCorrected);
    seen(world, undefined);
    picks++;
  }
}

/** @returns the worst lag of the two watched lanes, in batches of each by weight */
function worstLag(drawn: Schedule, isCorrected: boolean): number {
  let watch: Watch | undefined;
  play(drawn, isCorrected, (world, sent) => {
    watch ??= new Watch(world, ({ pace, error }) => pace * drawn.largest * (isCorrected ? Math.max(1, error) : 1));
    if (sent) watch.add(sent, isCorrected ? sent.real : sent.estimate);
    watch.look();
  });
  return watch!.worst;
}

it('start-tag: of estimates nobody is further ahead of another, by weight, than one batch of each; and no slot is left free', () => {
  fc.assert(fc.property(schedule, (drawn) => {
      expect(worstLag(drawn, false)).toBeLessThanOrEqual(1 + EPSILON);
    }), { numRuns: 120 });
});

const twoTenants = fc.record({ a: weight, b: weight, error: fc.constantFrom(0.1, 0.3, 3), seed: fc.nat(1e6), window: fc.integer({ min: 1, max: 12 }), largest: fc.integer({ min: 1, max: 20 }) });
const plain = ({ a, b, error, seed, window, largest }: { a: number; b: number; error: number; seed: number; window: number; largest: number }, errorOfB = 1): Schedule => ({ tenants: [{ weight: a, pace: 1, error, cap: undefined }, { weight: b, pace: 1, error: errorOfB as 1, cap: undefined }], seed, window, largest, pauseRate: 0 }) as Schedule;

it('weights: two tenants that always have work are served in proportion to their weights', () => {
  fc.assert(fc.property(twoTenants, (drawn) => {
      expect(worstLag(plain(drawn), false)).toBeLessThanOrEqual(1 + EPSILON);
    }), { numRuns: 60 });
});

it('corrections: of real costs, corrected when they are known, nobody is further ahead than D + 1 batches of each', () => {
  fc.assert(fc.property(schedule, (drawn) => {
      expect(worstLag(drawn, true)).toBeLessThanOrEqual(drawn.window + 1 + EPSILON);
    }), { numRuns: 120 });
});

it('busy-clip: a lane that never left keeps a tag that a correction lowered, so that too high an estimate costs it nothing', () => {
  fc.assert(fc.property(twoTenants, (drawn) => {
      expect(worstLag(plain({ ...drawn, error: 0.1 }), true)).toBeLessThanOrEqual(drawn.window + 1 + EPSILON);
    }), { numRuns: 60 });
});

it('virtual-time: who comes back from a pause begins where the others are: nothing is saved up', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 6 }), (seed, window) => {
      const world = new FairWorld([{ weight: 1, pace: 1, error: 1 }, { weight: 1, pace: 1, error: 1 }], { seed, largest: 1 });
      world.hold(0, true);
      for (let i = 0; i < 100; i++) {
        while (world.pickOne(window));
        world.endOne(true);
      }
      world.hold(0, false);
      const sent: Sent[] = [];
      for (let i = 0; i < 40; i++) {
        for (let one = world.pickOne(window); one; one = world.pickOne(window)) sent.push(one);
        world.endOne(true);
      }
      const mine = sent.filter(({ tenant: i }) => i === 0).length;
      expect(Math.abs(mine - (sent.length - mine))).toBeLessThanOrEqual(2);
    }),
    { numRuns: 50 },
  );
});

it('cap: it is kept, and saves up nothing: freed of it, a tenant gets its share and no more', () => {
  const world = new FairWorld([{ weight: 1, cap: 1, pace: 1, error: 1 }, { weight: 1, pace: 1, error: 1 }], { seed: 1, largest: 1 });
  for (let i = 0; i < 200; i++) {
    while (world.pickOne(10));
    expect(world.inFlightOf(0)).toBeLessThanOrEqual(1);
    world.endOne(true);
  }
  delete world.laneOf(0).settings!.maxInFlight;
  const sent: Sent[] = [];
  for (let i = 0; i < 40; i++) {
    for (let one = world.pickOne(10); one; one = world.pickOne(10)) sent.push(one);
    world.endOne(true);
  }
  const mine = sent.filter(({ tenant: i }) => i === 0).length;
  expect(mine).toBeLessThanOrEqual(sent.length / 2 + 2);
});

it('group-rule: groups of a tenant share by weight as tenants do, one level down', () => {
  fc.assert(
    fc.property(twoTenants, ({ seed, a, b, window, largest }) => {
      const world = new FairWorld([{ weight: 1, pace: 1, error: 1, groups: { a, b } }, { weight: 2, pace: 1, error: 1 }], { seed, largest });
      const sums: Record<string, number> = { a: 0, b: 0 };
      for (let i = 0; i < 200; i++) {
        for (let sent = world.pickOne(window); sent; sent = world.pickOne(window)) {
          if (sent.tenant === 0) sums[sent.group]! += sent.estimate;
          expect(Math.abs(sums['a']! / a - sums['b']! / b)).toBeLessThanOrEqual(largest / a + largest / b + EPSILON);
        }
        world.endOne(false);
      }
    }),
    { numRuns: 60 },
  );
});

it('round: none holds more items of a group than configured while the others have work', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 2, max: 5 }), fc.integer({ min: 5, max: 20 }), (seed, count, round) => {
      const groups = Object.fromEntries(Array.from({ length: count }, (_, i) => [`g${i}`, 1 + 20 * i]));
      const world = new FairWorld([{ weight: 1, pace: 1, error: 1, groups, maxPerGroupRound: round }], { seed, largest: 5 });
      // Between two turns of any group, no other one has more than a round, or two halves of neighbouring rounds.
      const since: Record<string, Record<string, number>> = {};
      for (let i = 0; i < 300; i++) {
        for (let sent = world.pickOne(4); sent; sent = world.pickOne(4)) {
          for (const other of Object.keys(groups)) if (other !== sent.group) (since[other] ??= {})[sent.group] = (since[other][sent.group] ?? 0) + sent.items;
          since[sent.group] = {};
          for (const others of Object.values(since)) for (const items of Object.values(others)) expect(items).toBeLessThanOrEqual(2 * round);
        }
        world.endOne(false);
      }
    }),
    { numRuns: 50 },
  );
});

it('priority-inside: urgent work goes before other work of its tenant, and takes nothing from another tenant', () => {
  const state = emptyLanes();
  const open = (tenant: string, run: string, priority?: 'urgent' | 'low') => {
    const added = addRun(state, { tenant, run, workerClass: 'c', ...(priority && { priority }) });
    addShards(added, [0]);
    openShard(added, aShard([1, 1, 1, 1], { run, tenant }), 0);
  };
  open('acme', 'low', 'low');
  open('acme', 'normal');
  open('acme', 'urgent', 'urgent');
  open('beta', 'other');
  const runs = pickBatches(state, { c: 8 }, 0).map(({ run }) => run);
  expect(runs.filter((run) => run !== 'other')).toEqual(['urgent', 'urgent', 'urgent', 'urgent']);
  expect(pickBatches(state, { c: 16 }, 0).map(({ run }) => run)).toEqual(['normal', 'normal', 'normal', 'normal', 'low', 'low', 'low', 'low']);
});

it('limit-waits: work whose limit is used up is not sent, and other work of its tenant goes instead', () => {
  const state = emptyLanes();
  const run = addRun(state, { tenant: 'acme', run: 'r', workerClass: 'c' });
  addShards(run, [0]);
  openShard(run, { ...aShard([1, 1, 1, 1], { run: 'r', tenant: 'acme' }), keys: [['host:a', 2], ['host:b', 2]] }, 0);
  state.limits = { 'host:a': { until: 1000 } };
  expect(pickBatches(state, { c: 4 }, 500).map(({ batch }) => batch)).toEqual([2, 3]);
  expect(pickBatches(state, { c: 4 }, 1000).map(({ batch }) => batch)).toEqual([0, 1]);
});

/** 1: all the same; 1/n: one has everything. */
const jain = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) ** 2 / (values.length * values.reduce((sum, value) => sum + value ** 2, 0));

it('weights 1 to 8 and mixed costs: in every stretch of ten rounds Jain\'s index of service by weight is at least 0.99', () => {
  const largest = 20;
  const world = new FairWorld(Array.from({ length: 8 }, (_, i) => ({ weight: i + 1, pace: 1, error: 1 })), { seed: 7, largest });
  // A round gives the tenant of weight 1 one batch of the largest size.
  const stretch = 10 * largest * 36;
  for (let look = 0; look < 30; look++) {
    const served = Array.from({ length: 8 }, () => 0);
    for (let sum = 0; sum < stretch; ) {
      for (let sent = world.pickOne(8); sent; sent = world.pickOne(8)) {
        served[sent.tenant]! += sent.estimate;
        sum += sent.estimate;
      }
      world.endOne(true);
    }
    expect(jain(served.map((service, i) => service / (i + 1)))).toBeGreaterThanOrEqual(0.99);
  }
});
