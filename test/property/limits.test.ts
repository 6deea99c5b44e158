import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHostLimiter, SLOT_LEASE_MS } from '../../shared/http/leased-host-limiter.ts';
import { CLOCK_SKEW_MS, largestRequest, limitPerSecond, MAX_START_DELAY_MS, reserve, unitsRemaining, unitsThatFit, type Limit, type LimitRecord } from '../../shared/limits.ts';
import { createMemoryLimitTable } from '../support/memory-limit-table.ts';
import { createVirtualTime } from '../support/virtual-time.ts';

const VECTORS = new URL('../../../shared/data/vectors/gcra.json', import.meta.url);
const US = 1_000_000;

interface Row {
  readonly at: number;
  readonly volume: number;
  readonly limited: boolean;
  readonly remaining: number;
  readonly retryAfter: number | null;
}

test.skipIf(!existsSync(VECTORS))('decides as the shared table has it (skipped where it is missing)', () => {
  const { ratePerSecond, burst, rows } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { ratePerSecond: number; burst: number; rows: Row[] };
  const limit: Limit = { unitUs: US / ratePerSecond, burst, maxWaitUs: 0 };
  let record: LimitRecord | undefined;
  for (const row of rows) {
    const nowUs = row.at * US;
    const { answer, record: after } = reserve(record, limit, { units: row.volume, nowUs });
    record = after;
    const wait = answer.kind === 'granted' ? -1 : answer.comeBackAtUs === Infinity ? null : (answer.comeBackAtUs - nowUs) / US;
    expect({ limited: answer.kind === 'refused', remaining: unitsRemaining(record, limit, nowUs), retryAfter: wait }, JSON.stringify(row)).toEqual({
      limited: row.limited,
      remaining: row.remaining,
      retryAfter: row.retryAfter,
    });
  }
});

const limits = fc.record({ unitUs: fc.integer({ min: 1000, max: US }), burst: fc.integer({ min: 1, max: 8 }), maxWaitUs: fc.integer({ min: 0, max: 3 * US }) });
const schedules = fc.array(fc.record({ passesUs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: US })), worker: fc.nat({ max: 3 }), units: fc.integer({ min: 1, max: 10 }), lateUs: fc.nat({ max: MAX_START_DELAY_MS * 1000 }) }), { maxLength: 60 });
/** Clocks that differ from each other by at most the skew. */
const offsets = fc.array(fc.integer({ min: (-CLOCK_SKEW_MS * 1000) / 2, max: (CLOCK_SKEW_MS * 1000) / 2 }), { minLength: 4, maxLength: 4 });

/** Grants of one key as workers with clocks of their own ask for them. @returns granted starts, by the granting clock and by true time */
function play(limit: Limit, steps: readonly { passesUs: number; worker: number; units: number; lateUs: number }[], clockOffsets: readonly number[]) {
  const granted: number[] = [];
  const seen: number[] = [];
  let record: LimitRecord | undefined;
  let trueUs = 1_700_000_000 * US;
  for (const { passesUs, worker, units, lateUs } of steps) {
    trueUs += passesUs;
    const offset = clockOffsets[worker]!;
    const { answer, record: after } = reserve(record, limit, { units, nowUs: trueUs + offset });
    record = after;
    if (answer.kind === 'refused') continue;
    granted.push(...answer.startsUs);
    seen.push(...answer.startsUs.map((start) => start - offset + lateUs));
  }
  return { granted: granted.toSorted((a, b) => a - b), seen: seen.toSorted((a, b) => a - b) };
}

/** Oracle: looks at every window that begins and ends with a start. @returns those that hold more than burst + W / T */
const overfullWindows = (starts: readonly number[], limit: Limit): [from: number, to: number][] =>
  starts.flatMap((from, i) =>
    starts.flatMap((to, j): [number, number][] => (j >= i && j - i + 1 > limit.burst + (to - from) / limit.unitUs ? [[from, to]] : [])),
  );

describe('whatever workers ask, with clocks that differ', () => {
  test('in any window W at most burst + W / T units start', () => {
    fc.assert(
      fc.property(limits, schedules, offsets, (limit, steps, clockOffsets) => {
        expect(overfullWindows(play(limit, steps, clockOffsets).granted, limit)).toEqual([]);
      }),
    );
  });

  test('seen from outside, no second holds more than the configured number, late starts included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), schedules, offsets, (perSecond, steps, clockOffsets) => {
        const { seen } = play(limitPerSecond(perSecond, 3000), steps, clockOffsets);
        for (let i = 0; i + perSecond < seen.length; i++) expect(seen[i + perSecond]! - seen[i]!).toBeGreaterThanOrEqual(US);
      }),
    );
  });

  test('a wait that is promised is within the bound, and what is refused is granted at the time named', () => {
    fc.assert(
      fc.property(limits, schedules, fc.integer({ min: 1, max: 10 }), (limit, steps, units) => {
        let record: LimitRecord | undefined;
        let nowUs = 1_700_000_000 * US;
        for (const step of steps) {
          nowUs += step.passesUs;
          const { answer, record: after } = reserve(record, limit, { units, nowUs });
          expect(unitsThatFit(limit, units, nowUs, record) === units).toBe(answer.kind === 'granted');
          record = after;
          if (answer.kind === 'granted') expect(answer.startsUs.at(-1)! - nowUs).toBeLessThanOrEqual(limit.maxWaitUs);
          else if (units <= largestRequest(limit)) expect(reserve(record, limit, { units, nowUs: answer.comeBackAtUs }).answer.kind).toBe('granted');
          else expect(answer.comeBackAtUs).toBe(Infinity);
        }
      }),
    );
  });
});

test('workers that share a host never exceed its rate, nor its connections, and all their requests come through', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ worker: fc.nat({ max: 2 }), host: fc.constantFrom('a', 'b'), arrivesMs: fc.nat({ max: 5000 }), takesMs: fc.nat({ max: 4000 }) }), { minLength: 1, maxLength: 16 }),
      fc.integer({ min: 1, max: 3 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      async (requests, connections, chances) => {
        const table = createMemoryLimitTable();
        const time = createVirtualTime();
        const random = () => chances.next().value as number;
        const workers = ['w0', 'w1', 'w2'].map((owner) => createHostLimiter({ table, owner, requestsPerSecond: 2, connections, clock: time.clock, random, sleep: time.sleep }));
        const open = new Map<string, number>();
        const starts = new Map<string, number[]>();
        let left = requests.length;
        const go = async ({ worker, host, arrivesMs, takesMs }: (typeof requests)[number]) => {
          await time.sleep(arrivesMs);
          for (;;) {
            const asked = time.clock();
            const admission = await workers[worker]!.admit({ host, signal: new AbortController().signal });
            if (admission.kind === 'held') {
              expect(admission.until).toBeGreaterThan(time.clock() - 1);
              expect(admission.until - time.clock()).toBeLessThanOrEqual(SLOT_LEASE_MS);
              await time.sleep(admission.until - time.clock());
              continue;
            }
            if (admission.kind === 'down') throw new Error('no host is down here');
            expect(time.clock() - asked).toBeLessThanOrEqual(7000);
            open.set(host, (open.get(host) ?? 0) + 1);
            expect(open.get(host)).toBeLessThanOrEqual(connections);
            starts.set(host, [...(starts.get(host) ?? []), time.clock()]);
            await time.sleep(takesMs);
            open.set(host, open.get(host)! - 1);
            admission.end();
            left--;
            return;
          }
        };
        const all = Promise.all(requests.map(go));
        all.catch(() => (left = 0));
        await time.run(() => left === 0);
        await all;
        for (const times of starts.values()) for (let i = 0; i + 2 < times.length; i++) expect(times[i + 2]! - times[i]!).toBeGreaterThanOrEqual(1000);
      },
    ),
    { numRuns: 60 },
  );
});
