import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLimitTable } from '../../../shared/aws/limit-table.ts';
import type { LimitTable } from '../../../shared/http/host-limiter.ts';
import { createHostLimiter } from '../../../shared/http/leased-host-limiter.ts';
import { type Limit, MAX_START_DELAY_MS } from '../../../shared/limits.ts';
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
  key = `host:${keys++}.example`;
});

const SECOND_US = 1_000_000;
const NOW_US = 1_700_000_000 * SECOND_US;
const ONE_A_SECOND: Limit = { unitUs: SECOND_US, burst: 1, maxWaitUs: 0 };
/** Each worker has a table of its own, that remembers nothing of what the others saw. */
const aWorker = (): LimitTable => createLimitTable(dynamo.client, 'limits');

describe('the rules of limits', () => {
  it('condition: a request that would have to wait longer than it may is refused, and leaves no trace', async () => {
    expect(await aWorker().reserve({ key, limit: ONE_A_SECOND, units: 1, nowUs: NOW_US })).toMatchObject({ kind: 'granted', startsUs: [NOW_US] });
    for (const nowUs of [NOW_US, NOW_US + 999_999]) expect(await aWorker().reserve({ key, limit: ONE_A_SECOND, units: 1, nowUs })).toEqual({ kind: 'refused', comeBackAtUs: NOW_US + SECOND_US });
    expect(await aWorker().reserve({ key, limit: ONE_A_SECOND, units: 1, nowUs: NOW_US + SECOND_US })).toMatchObject({ kind: 'granted', startsUs: [NOW_US + SECOND_US] });
  });

  it('idle-condition: two workers that both take the key for a rested one get different starts', async () => {
    const limit = { ...ONE_A_SECOND, maxWaitUs: 3 * SECOND_US };
    const answers = await Promise.all([0, 1].map(() => aWorker().reserve({ key, limit, units: 1, nowUs: NOW_US })));
    const starts = answers.flatMap((answer) => (answer.kind === 'granted' ? answer.startsUs : []));
    expect(starts.toSorted((a, b) => a - b)).toEqual([NOW_US, NOW_US + SECOND_US]);
  });

  it('unit-starts: the units of one reservation start one after the other, beyond the burst', async () => {
    const limit = { ...ONE_A_SECOND, burst: 2, maxWaitUs: 3 * SECOND_US };
    expect(await aWorker().reserve({ key, limit, units: 4, nowUs: NOW_US })).toMatchObject({ kind: 'granted', startsUs: [0, 0, 1, 2].map((seconds) => NOW_US + seconds * SECOND_US) });
  });

  it('start-late: a start that a busy worker missed is not used any more, another one is reserved', async () => {
    let now = NOW_US / 1000;
    const granted: number[] = [];
    const table = aWorker();
    const watched: LimitTable = {
      ...table,
      reserve: async (request) => {
        const answer = await table.reserve(request);
        if (answer.kind === 'granted') granted.push(...answer.startsUs.map((us) => us / 1000));
        return answer;
      },
    };
    let overslept = MAX_START_DELAY_MS + 1;
    const sleep = async (ms: number) => {
      now += ms + overslept;
      overslept = 0;
    };
    const limiter = createHostLimiter({ table: watched, owner: 'w', requestsPerSecond: 1, connections: 2, clock: () => now, random: () => 0, sleep });
    const request = { host: key.slice('host:'.length), signal: new AbortController().signal };
    await limiter.admit(request);
    expect((await limiter.admit(request)).kind).toBe('admitted');
    expect(granted).toHaveLength(3);
    expect(now - granted.at(-1)!).toBeGreaterThanOrEqual(0);
    expect(now - granted.at(-1)!).toBeLessThanOrEqual(MAX_START_DELAY_MS);
  });

  const slot = (owner: string, now: number) => ({ key, slots: 1, owner, now, until: now + 60_000, held: [] });

  it('slot-lease: a connection is one worker’s until its lease is over', async () => {
    expect(await aWorker().takeSlot(slot('a', 0))).toEqual({ kind: 'taken', index: 0 });
    expect(await aWorker().takeSlot(slot('b', 60_000))).toMatchObject({ kind: 'none' });
    expect(await aWorker().takeSlot(slot('b', 60_051))).toEqual({ kind: 'taken', index: 0 });
  });

  it('slot-owner: nobody gives another worker’s connection back', async () => {
    await aWorker().takeSlot(slot('a', 0));
    await aWorker().giveSlotBack({ key, index: 0, owner: 'b' });
    expect(await aWorker().takeSlot(slot('b', 1))).toMatchObject({ kind: 'none' });
    await aWorker().giveSlotBack({ key, index: 0, owner: 'a' });
    expect(await aWorker().takeSlot(slot('b', 2))).toEqual({ kind: 'taken', index: 0 });
  });
});
