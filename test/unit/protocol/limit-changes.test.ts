import { UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLimitTable } from '../../../shared/aws/limit-table.ts';
import { CLOCK_SKEW_MS, isVoid, MAX_START_DELAY_MS, type Grant, type Limit } from '../../../shared/limits.ts';
import { CallLimiter } from '../../../shared/limiting/limiter.ts';
import type { RateTable } from '../../../shared/limiting/rate-table.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let key: string;
let keys = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('limits', ['pk']);
});
afterAll(() => dynamo.stop());
beforeEach(() => {
  key = `api:${keys++}:requests`;
});

const SECOND_US = 1_000_000;
const NOW_MS = 1_700_000_000_000;
const NOW_US = NOW_MS * 1000;
const LIMIT: Limit = { unitUs: SECOND_US, burst: 2, maxWaitUs: 10 * SECOND_US, largest: 1 };
const aWorker = (): RateTable => createLimitTable(dynamo.client, 'limits');
const { signal } = new AbortController();

async function reserve(units: number, { limit = LIMIT, nowUs = NOW_US, isAhead = false } = {}): Promise<{ readonly startsUs: readonly number[]; readonly grant: Grant }> {
  const answer = await aWorker().reserve({ key, limit, units, nowUs, isAhead });
  if (answer.kind !== 'granted') throw new Error(`expected a grant, got ${JSON.stringify(answer)}`);
  return answer;
}
const record = async () => (await aWorker().read(key))!;
const giveBack = (grant: Grant, units = grant.units) => aWorker().giveBack({ key, grant, units, nowUs: NOW_US });

describe('what is given back', () => {
  it('guarded-refund: units that others were promised starts behind are not taken back', async () => {
    const { grant } = await reserve(1);
    await reserve(1);
    const { tat } = await record();
    expect(await giveBack(grant)).toBe(false);
    expect((await record()).tat).toBe(tat);
  });

  it('guarded-refund: the last ones are, and those behind which there is room for every call', async () => {
    const limit = { ...LIMIT, burst: 4 };
    const last = await reserve(2, { limit });
    const { tat } = await record();
    expect(await giveBack(last.grant)).toBe(true);
    expect((await record()).tat).toBe(tat - 2 * SECOND_US);
    const earlier = await reserve(2, { limit });
    await reserve(2, { limit });
    expect(await giveBack(earlier.grant, 1)).toBe(true);
  });

  it('refund-burst: no more than leaves room for the largest call', async () => {
    const limit = { ...LIMIT, burst: 4, largest: 4 };
    const { grant } = await reserve(4, { limit });
    await reserve(1, { limit });
    expect(await giveBack(grant, 1)).toBe(false);
  });

  it('refund-once: a write whose answer is lost, and that the SDK makes again, counts once', async () => {
    const { grant } = await reserve(2, { limit: { ...LIMIT, burst: 4 } });
    const { tat } = await record();
    const send = async (command: Parameters<DynamoDBDocumentClient['send']>[0]) => {
      if (command instanceof UpdateCommand) await dynamo.client.send(command);
      return dynamo.client.send(command);
    };
    await createLimitTable({ send } as unknown as DynamoDBDocumentClient, 'limits').giveBack({ key, grant, units: 1, nowUs: NOW_US });
    expect((await record()).tat).toBe(tat - SECOND_US);
  });

  it('future-refd: nothing that was reserved before a start in the future', async () => {
    const limit = { ...LIMIT, burst: 4 };
    const { grant } = await reserve(3, { limit });
    await reserve(1, { limit, nowUs: NOW_US + 500_000, isAhead: true });
    expect(await giveBack(grant, 1)).toBe(false);
  });

  it('partial-refund: a first key whose second refuses keeps what others were promised meanwhile', async () => {
    const table = aWorker();
    const limit = { ...LIMIT, burst: 1 };
    const second = `${key}/second`;
    await table.reserve({ key: second, limit: { ...LIMIT, unitUs: 100 * SECOND_US, burst: 1 }, units: 1, nowUs: NOW_US });
    const watched: RateTable = {
      ...table,
      reserve: async (request) => {
        if (request.key === second) await reserve(1, { limit });
        return table.reserve(request);
      },
    };
    await table.reserve({ key, limit, units: 2, nowUs: NOW_US });
    const before = (await record()).tat;
    const limits: Record<string, Limit> = { [key]: limit, [second]: { ...LIMIT, unitUs: SECOND_US } };
    watched.peek = (each) => (each === second ? undefined : table.peek(each));
    const limiter = new CallLimiter({ table: watched, owner: 'w', limitOf: async (each) => limits[each], clock: () => NOW_MS, sleep: () => Promise.reject(new Error('no wait')) });
    expect(await limiter.start([{ key, units: 1 }, { key: second, units: 1 }], signal)).toMatchObject({ kind: 'held', limit: second });
    expect((await record()).tat).toBe(before + 2 * SECOND_US);
  });
});

describe('promises', () => {
  it('pair-exact: a second key grants the start of the first, or none', async () => {
    await reserve(2);
    expect(await aWorker().reserve({ key, limit: LIMIT, units: 1, nowUs: NOW_US + 500_000, isAhead: true })).toMatchObject({ kind: 'refused' });
    expect(await aWorker().reserve({ key, limit: LIMIT, units: 1, nowUs: NOW_US + SECOND_US, isAhead: true })).toMatchObject({ kind: 'granted', startsUs: [NOW_US + SECOND_US] });
  });

  it('recheck-gen: a start that was waited for is void when the other side asks for a pause meanwhile', async () => {
    let now = NOW_MS;
    await reserve(2);
    const sleep = async (ms: number) => {
      now += ms;
      if (now < NOW_MS + 5000) await aWorker().pauseUntil({ key, limit: LIMIT, untilUs: (NOW_MS + 5000) * 1000 });
    };
    const limiter = new CallLimiter({ table: aWorker(), owner: 'w', limitOf: async () => LIMIT, clock: () => now, sleep });
    expect(await limiter.start([{ key, units: 1 }], signal)).toMatchObject({ kind: 'held' });
  });

  it('start-late: a start that was missed is reserved anew', async () => {
    let now = NOW_MS;
    await reserve(2);
    let overslept = MAX_START_DELAY_MS + 1;
    const sleep = async (ms: number) => {
      now += ms + overslept;
      overslept = 0;
    };
    const limiter = new CallLimiter({ table: aWorker(), owner: 'w', limitOf: async () => LIMIT, clock: () => now, sleep });
    expect(await limiter.start([{ key, units: 1 }], signal)).toMatchObject({ kind: 'started' });
    expect((await record()).tat).toBe(NOW_US + 4 * SECOND_US);
  });
});

describe('Retry-After', () => {
  const pause = (untilUs: number) => aWorker().pauseUntil({ key, limit: LIMIT, untilUs });

  it('retry-tat: one unit starts when it is over, the next ones at the rate', async () => {
    await pause(NOW_US + 5 * SECOND_US);
    expect(await aWorker().reserve({ key, limit: { ...LIMIT, maxWaitUs: 0 }, units: 1, nowUs: NOW_US + 5 * SECOND_US - 1 })).toMatchObject({ kind: 'refused' });
    expect((await reserve(3, { nowUs: NOW_US + 5 * SECOND_US })).startsUs.map((us) => (us - NOW_US) / SECOND_US)).toEqual([5, 6, 7]);
  });

  it('retry-gen: every promise is void, also where the record is later already; a pause never shrinks', async () => {
    await reserve(8);
    const { gen, tat } = await record();
    await pause(NOW_US + 2 * SECOND_US);
    expect(await record()).toMatchObject({ gen: (gen ?? 0) + 1, tat, pause: NOW_US + 2 * SECOND_US });
    await pause(NOW_US + SECOND_US);
    expect(await record()).toMatchObject({ gen: (gen ?? 0) + 2, tat, pause: NOW_US + 2 * SECOND_US });
  });
});

describe('a rate that rises', () => {
  const rise = async (unitUs: number) => {
    const seen = await record();
    return aWorker().raiseRate({ key, seen, from: LIMIT, unitUs, nowUs: NOW_US, notes: { t0: unitUs, stepAt: 0 } });
  };
  const patient = { ...LIMIT, maxWaitUs: 30 * SECOND_US };

  it('rise-after-promises: starts after the last one that was promised, and faster from then on', async () => {
    const promised = (await reserve(6, { limit: patient })).startsUs.at(-1)!;
    expect(await rise(SECOND_US / 2)).toBe(true);
    const next = (await reserve(2, { limit: patient })).startsUs;
    expect(next[0]).toBeGreaterThanOrEqual(promised + SECOND_US / 2);
    expect(next[1]! - next[0]!).toBe(SECOND_US / 2);
  });

  it('rise-keeps-promises: what was promised before it holds, also through a second one', async () => {
    await reserve(6, { limit: patient });
    const grant = { gen: (await record()).gen };
    await rise(SECOND_US / 2);
    await rise(SECOND_US / 4);
    expect(await record()).toMatchObject({ gen: grant.gen + 2, since: grant.gen });
    expect(isVoid(await record(), grant)).toBe(false);
  });

  it('pause-ends-since: a pause after it makes them void all the same', async () => {
    await reserve(1);
    const grant = { gen: (await record()).gen };
    await rise(SECOND_US / 2);
    await aWorker().pauseUntil({ key, limit: LIMIT, untilUs: NOW_US + 60 * SECOND_US });
    expect(isVoid(await record(), grant)).toBe(true);
  });
});

describe('another rate', () => {
  const change = async (unitUs: number) => {
    const seen = await record();
    return aWorker().changeRate({ key, seen, from: LIMIT, to: { unitUs, burst: 2 }, nowUs: NOW_US });
  };

  it('rate-rescale: the debt grows as the units do, and every promise is void', async () => {
    await reserve(6);
    expect(await change(2 * SECOND_US)).toBe(true);
    expect(await record()).toMatchObject({ tat: NOW_US + 12 * SECOND_US, t: 2 * SECOND_US, gen: 1 });
    expect((await reserve(1, { limit: { ...LIMIT, maxWaitUs: 30 * SECOND_US } })).startsUs).toEqual([NOW_US + 10 * SECOND_US]);
  });

  it('rate-keeps-pause: a faster one lets nothing start inside a pause', async () => {
    await reserve(1);
    await aWorker().pauseUntil({ key, limit: LIMIT, untilUs: NOW_US + 5 * SECOND_US });
    await change(SECOND_US / 10);
    expect((await reserve(1)).startsUs).toEqual([NOW_US + 5 * SECOND_US]);
  });

  it('is written only by who has seen the record as it is', async () => {
    await reserve(1);
    const seen = await record();
    await reserve(1, { nowUs: NOW_US + CLOCK_SKEW_MS });
    expect(await aWorker().changeRate({ key, seen, from: LIMIT, to: { unitUs: 5, burst: 2 }, nowUs: NOW_US })).toBe(false);
  });
});
