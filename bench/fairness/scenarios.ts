import { limitOfSetting, type RateSetting } from '../../shared/limit-language.ts';
import type { Random } from '../random.ts';
import type { Scenario, SimTenant } from './world.ts';

export interface ScenarioOptions {
  readonly tenants?: number;
  readonly items?: number;
  readonly workers?: number;
}

export interface PlayedScenario extends Scenario {
  readonly settings?: Readonly<Record<string, RateSetting>>;
}

export type ScenarioName = keyof typeof SCENARIOS;
const MAX_WAIT_MS = 3000;

/** Each draws its work; figures that are not given are those of the acceptance tests. */
export const SCENARIOS = {
  /** 225 tasks of ten tenants, drawn by Zipf's law with s = v = 2 as in Temporal's test; one at a time, in order of arrival if nothing were fair. */
  zipf: ({ tenants = 10, items = 225, workers = 1 }: ScenarioOptions, random: Random): PlayedScenario => {
    const counts = countByZipf(tenants, items, random);
    return { workers, window: workers, tenants: counts.filter((count) => count > 0).map((count): SimTenant => ({ weight: 1, batches: Array.from({ length: count }, () => 1), msPerItem: 100 })) };
  },

  /** Weights 1 to 8, again and again; batches of 1 to 20 items that cost the tenants differently. */
  weights: ({ tenants = 8, items = 400_000, workers = 8 }: ScenarioOptions, random: Random): PlayedScenario => ({
    workers,
    tenants: Array.from({ length: tenants }, (_, i): SimTenant => {
      const weight = 1 + (i % 8);
      const own = (items * weight) / (4.5 * tenants);
      return { weight, batches: drawBatches(own, 20, random), msPerItem: [10, 25, 60][i % 3]! };
    }),
  }),

  /** Thousands of tenants: a few large ones, many small ones that come and go. */
  mixed: ({ tenants = 1000, items = 2_000_000, workers = 50 }: ScenarioOptions, random: Random): PlayedScenario => {
    const large = Math.max(1, Math.round(tenants / 50));
    return {
      workers,
      tenants: Array.from({ length: tenants }, (_, i): SimTenant => {
        const own = i < large ? (0.8 * items) / large : (0.2 * items) / (tenants - large);
        return { weight: 1 + Math.floor(8 * random()), batches: drawBatches(own, i < large ? 500 : 50, random), msPerItem: 5 + 45 * random(), arrivesAt: i < large ? 0 : Math.floor(600_000 * random()) };
      }),
    };
  },

  /** Ten tenants; every second one's items all need the same limit, which is short. */
  limits: ({ tenants = 10, items = 20_000, workers = 10 }: ScenarioOptions, random: Random): PlayedScenario => {
    const setting: RateSetting = { unit: 'requests', units: 600, windowMs: 60_000 };
    return {
      workers,
      settings: { 'api:x:requests': setting },
      limits: { 'api:x:requests': limitOfSetting(setting, MAX_WAIT_MS) },
      tenants: Array.from({ length: tenants }, (_, i): SimTenant => ({ weight: 1, batches: drawBatches(items / tenants, 20, random), msPerItem: 50, ...(i % 2 === 0 && { limitKey: 'api:x:requests' }) })),
    };
  },
} as const;

function drawBatches(items: number, largest: number, random: Random): number[] {
  const batches: number[] = [];
  for (let left = Math.max(1, Math.round(items)); left > 0; left -= batches.at(-1)!) batches.push(Math.min(left, 1 + Math.floor(largest * random())));
  return batches;
}

const ZIPF = { s: 2, v: 2 };

/** Tenant k gets a task with a probability in proportion to (v + k)^-s. */
function countByZipf(tenants: number, tasks: number, random: Random): number[] {
  const shares = Array.from({ length: tenants }, (_, k) => (ZIPF.v + k) ** -ZIPF.s);
  const all = shares.reduce((sum, share) => sum + share, 0);
  const counts = shares.map(() => 0);
  for (let task = 0; task < tasks; task++) {
    let at = random() * all;
    const tenant = shares.findIndex((share) => (at -= share) < 0);
    counts[tenant === -1 ? tenants - 1 : tenant]!++;
  }
  return counts;
}
