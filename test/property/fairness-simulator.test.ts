import { describe, expect, it } from 'vitest';
import { jain, jainByStretch, limiterUse, unfairness, worstLag } from '../../bench/fairness/figures.ts';
import { SCENARIOS, type ScenarioOptions } from '../../bench/fairness/scenarios.ts';
import { simulate, type SentBatch } from '../../bench/fairness/world.ts';
import { createRandom } from '../../bench/random.ts';

const SEEDS = [1, 2, 3, 4, 5];
const play = (name: keyof typeof SCENARIOS, seed: number, options: ScenarioOptions = {}, isCorrected = true) => {
  const random = createRandom(seed);
  const scenario = SCENARIOS[name](options, random);
  return { scenario, ...simulate({ ...scenario, isCorrected }, random), weights: scenario.tenants.map(({ weight }) => weight) };
};

describe('the figures', () => {
  it('know a fair share from an unfair one', () => {
    expect(jain([5, 5, 5, 5])).toBe(1);
    expect(jain([1, 0, 0, 0])).toBe(0.25);
    expect(unfairness(['a', 'b', 'c', 'a'])).toBe(3 / 9);
    expect(unfairness(['a', 'a', 'a', 'a', 'b'])).toBe(4 / 4);
  });

  it('know the fullest window, with its end left out', () => {
    expect(limiterUse([0, 10, 999, 1000, 1005], { units: 3, windowMs: 1000 })).toMatchObject({ fullest: 4, allowed: 3 });
    expect(limiterUse([0, 500, 1000, 1500, 2000], { units: 2, windowMs: 1000 })).toMatchObject({ fullest: 2, use: 1.25 });
  });

  it('find the worst interval, not the end alone', () => {
    const batch = (tenant: number): SentBatch => ({ tenant, at: 0, estimate: 1, real: 1, items: 1 });
    expect(worstLag([0, 0, 0, 1, 1, 1, 0].map(batch), [1, 1], ({ real }) => real)).toBe(1.5);
  });
});

describe('225 tasks of ten tenants by Zipf(2)', () => {
  it.each(SEEDS)('have an unfairness of at most 0.5 (seed %i)', (seed) => {
    const { sent } = play('zipf', seed);
    expect(sent).toHaveLength(225);
    expect(unfairness(sent.map(({ tenant }) => tenant))).toBeLessThanOrEqual(0.5);
  });

  it('have far more in the order in which they were drawn: the figure can fail', () => {
    const random = createRandom(1);
    const drawn = SCENARIOS.zipf({}, random).tenants.flatMap(({ batches }, tenant) => batches.map(() => tenant)).toSorted(() => random() - 0.5);
    expect(unfairness(drawn)).toBeGreaterThan(1);
  });
});

describe('weights 1 to 8 with mixed costs', () => {
  it.each(SEEDS)('give every ten rounds a Jain index of at least 0.99 (seed %i)', (seed) => {
    const { sent, weights } = play('weights', seed, { items: 120_000 });
    const indices = jainByStretch(sent, weights);
    expect(indices.length).toBeGreaterThanOrEqual(1);
    expect(Math.min(...indices)).toBeGreaterThanOrEqual(0.99);
  });

  it.each(SEEDS)('keep both bounds over every interval (seed %i)', (seed) => {
    const uncorrected = play('weights', seed, { items: 30_000 }, false);
    expect(worstLag(uncorrected.sent, uncorrected.weights, ({ estimate }) => estimate)).toBeLessThanOrEqual(1 + 1e-9);
    const corrected = play('weights', seed, { items: 30_000 });
    expect(worstLag(corrected.sent, corrected.weights, ({ real, estimate }) => Math.max(real, estimate))).toBeLessThanOrEqual(corrected.window + 1);
  });
});

it('a limit that is short is used by at least 95 % of what the other side allows, and no window holds more', () => {
  const { starts, scenario } = play('limits', 1, { items: 6000 });
  const { use, fullest, allowed } = limiterUse(starts.get('api:x:requests')!, scenario.settings!['api:x:requests']!);
  expect(fullest).toBeLessThanOrEqual(allowed);
  expect(use).toBeGreaterThanOrEqual(0.95);
});

it('all work is done once, and the same seed plays the same', () => {
  const [one, two] = [play('mixed', 7, { tenants: 60, items: 20_000 }), play('mixed', 7, { tenants: 60, items: 20_000 })];
  expect(one.sent).toEqual(two.sent);
  const planned = one.scenario.tenants.flatMap(({ batches }) => batches).reduce((sum, items) => sum + items, 0);
  expect(one.sent.reduce((sum, { items }) => sum + items, 0)).toBe(planned);
  expect(one.ended).toHaveLength(one.sent.length);
});
