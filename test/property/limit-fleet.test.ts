import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLimitTable } from '../../shared/aws/limit-table.ts';
import type { CallEnd } from '../../shared/limiter.ts';
import { limitOfSetting, type RateSetting } from '../../shared/limit-language.ts';
import { CLOCK_SKEW_MS, limitInForce, type Limit } from '../../shared/limits.ts';
import { CallLimiter, MAX_WAIT_MS } from '../../shared/limiting/limiter.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { createRandom, type Random } from '../support/limit-schedule.ts';
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts';

/** Fifty workers at a table of the embedded DynamoDB, in simulated time. What is counted is what they really sent, by true time. */
const WORKERS = 50;
const SEED = 20_261_126;
let dynamo: Awaited<ReturnType<typeof startDynamo>>;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('limits', ['pk']);
});
afterAll(() => dynamo.stop());

interface Sent {
  readonly at: number;
  readonly units: number;
}

function fleet(settings: Readonly<Record<string, RateSetting>>) {
  const time = createVirtualTime();
  const random = createRandom(SEED);
  const client = { send: (...of: Parameters<DynamoDBDocumentClient['send']>) => time.call(async () => dynamo.client.send(...of)) } as DynamoDBDocumentClient;
  /** Steps about, backwards too, and is never further from true time than half of the skew. */
  const skewedClock = (): number => time.clock() + random.below(CLOCK_SKEW_MS + 1) - CLOCK_SKEW_MS / 2;
  const limitOf = (key: string): Limit | undefined => settings[key] && limitOfSetting(settings[key], MAX_WAIT_MS);
  const limiters = Array.from({ length: WORKERS }, (_, i) => new CallLimiter({ table: createLimitTable(client, 'limits'), owner: `w${i}`, limitOf: async (key) => limitOf(key), clock: skewedClock, sleep: time.sleep }));
  return { time, random, limiters, operator: createLimitTable(client, 'limits'), limitOf };
}

type Fleet = ReturnType<typeof fleet>;

/** Every worker asks again as soon as it may. */
async function keepAsking({ time, random, limiters }: Fleet, untilMs: number, call: (of: { readonly random: Random; readonly time: VirtualTime }) => { readonly uses: readonly { key: string; units: number; ahead?: number }[]; readonly real?: readonly { key: string; units: number }[]; readonly end: CallEnd }) {
  const sent = new Map<string, Sent[]>();
  let working = limiters.length;
  const work = async (limiter: CallLimiter): Promise<void> => {
    while (time.clock() < untilMs) {
      const { uses, real, end } = call({ random, time });
      const answer = await limiter.start(uses, new AbortController().signal);
      if (answer.kind === 'too large') throw new Error(`too large: ${answer.limit}`);
      if (answer.kind === 'held') {
        await time.sleep(answer.until - time.clock());
        continue;
      }
      for (const { key, units } of real ?? uses) sent.set(key, [...(sent.get(key) ?? []), { at: time.clock(), units }]);
      await time.sleep(random.below(200));
      await answer.end(end, real);
    }
  };
  const all = Promise.all(limiters.map((limiter) => work(limiter).finally(() => working--)));
  all.catch(() => (working = 0));
  await time.run(() => working === 0);
  await all;
  return sent;
}

/** Oracle: the fullest window of this length. */
function fullestWindow(sent: readonly Sent[], windowMs: number): number {
  const sorted = sent.toSorted((a, b) => a.at - b.at);
  return Math.max(...sorted.map(({ at }) => sorted.filter((other) => other.at >= at && other.at < at + windowMs).reduce((sum, { units }) => sum + units, 0)));
}

const unitsIn = (sent: readonly Sent[], from: number, to: number): number => sent.filter(({ at }) => at >= from && at < to).reduce((sum, { units }) => sum + units, 0);

describe('fifty workers whose clocks differ', () => {
  test('that always want more use at least 98 % of the limit, and no window holds more than it', async () => {
    const scene = fleet({ 'api:full:requests': { unit: 'requests', units: 20, windowMs: 1000, burst: 4 } });
    const from = scene.time.clock();
    const sent = (await keepAsking(scene, from + 15_000, () => ({ uses: [{ key: 'api:full:requests', units: 1 }], end: { kind: 'answered' } }))).get('api:full:requests')!;
    expect(fullestWindow(sent, 1000)).toBeLessThanOrEqual(20);
    const { unitUs, burst } = scene.limitOf('api:full:requests')!;
    expect(unitsIn(sent, from, from + 15_000) / (burst + 15_000_000 / unitUs)).toBeGreaterThanOrEqual(0.98);
  });

  test('that reserve starts ahead of their calls, and give back what they do not use, exceed no window', async () => {
    const key = 'api:ahead:requests';
    const scene = fleet({ [key]: { unit: 'requests', units: 40, windowMs: 1000, burst: 8 } });
    const from = scene.time.clock();
    const sent = await keepAsking(scene, from + 10_000, ({ random }) => {
      if (random.chance(0.05)) void random.pick(scene.limiters).release();
      return { uses: [{ key, units: 1, ahead: random.below(30) }], end: random.chance(0.005) ? { kind: 'throttled', until: scene.time.clock() + 300 } : { kind: 'answered' } };
    });
    expect(fullestWindow(sent.get(key)!, 1000)).toBeLessThanOrEqual(40);
    expect(sent.get(key)!.length).toBeGreaterThan(100);
  });

  test('keep two limits at once, with tokens given back and charged', async () => {
    const settings = { 'api:two:requests': { unit: 'requests', units: 20, windowMs: 1000, burst: 4 }, 'api:two:tokens': { unit: 'tokens', units: 2000, windowMs: 1000, burst: 600 } } as const;
    const scene = fleet(settings);
    const sent = await keepAsking(scene, scene.time.clock() + 6000, ({ random }) => {
      const tokens = 20 + random.below(180);
      const uses = [{ key: 'api:two:requests', units: 1 }, { key: 'api:two:tokens', units: tokens }];
      return { uses, real: [uses[0]!, { key: 'api:two:tokens', units: Math.ceil(tokens * (0.4 + random.below(60) / 100)) }], end: { kind: 'answered' } };
    });
    expect(fullestWindow(sent.get('api:two:requests')!, 1000)).toBeLessThanOrEqual(20);
    expect(fullestWindow(sent.get('api:two:tokens')!, 1000)).toBeLessThanOrEqual(2000);
    expect(sent.get('api:two:requests')!.length).toBeGreaterThan(20);
  });

  test('send nothing within a pause, and keep to every rate that is set meanwhile', async () => {
    const key = 'api:changed:requests';
    const scene = fleet({ [key]: { unit: 'requests', units: 20, windowMs: 1000, burst: 2 } });
    const { time, operator } = scene;
    const from = time.clock();
    const configured = scene.limitOf(key)!;
    const rates: { readonly at: number; readonly unitUs: number }[] = [{ at: 0, unitUs: configured.unitUs }];
    const alter = async (unitUs: number): Promise<void> => {
      for (let isDone = false; !isDone; ) {
        const seen = (await operator.read(key))!;
        const at = time.clock();
        isDone = await operator.changeRate({ key, seen, from: limitInForce(seen, configured), to: { unitUs, burst: 2 }, nowUs: at * 1000 });
        if (isDone) rates.push({ at, unitUs });
      }
    };
    const pauses: { readonly at: number; readonly until: number }[] = [];
    void (async () => {
      for (const unitUs of [20_000, 200_000, 50_000]) {
        await time.sleep(2500);
        await alter(unitUs);
      }
      const at = time.clock();
      await operator.pauseUntil({ key, limit: configured, untilUs: (at + 2000) * 1000 });
      pauses.push({ at, until: at + 2000 });
    })();
    const sent = (await keepAsking(scene, from + 12_000, () => ({ uses: [{ key, units: 1 }], end: { kind: 'answered' } }))).get(key)!.toSorted((a, b) => a.at - b.at);
    expect(pauses).toHaveLength(1);
    const grown = (at: number): number => rates.reduce((sum, rate, i) => sum + Math.max(0, Math.min(at, rates[i + 1]?.at ?? Infinity) - Math.max(rate.at, from - 1000)) / (rate.unitUs / 1000), 0);
    const slack = (2 * CLOCK_SKEW_MS + 50) / 20;
    const excess = sent.flatMap(({ at }, i) => sent.slice(i).map((other, more) => more + 1 - (2 + slack + grown(other.at) - grown(at)))).filter((units) => units > 0);
    expect(excess).toEqual([]);
    for (const { at, until } of pauses) expect(unitsIn(sent, at + CLOCK_SKEW_MS, until - CLOCK_SKEW_MS)).toBe(0);
    expect(unitsIn(sent, from, from + 12_000)).toBeGreaterThan(100);
  });
});
