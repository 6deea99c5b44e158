import type { LimitTable } from '../../shared/http/host-limiter.ts';
import { changeRate, chargeMore, giveBack, pauseUntil, raiseRate } from '../../shared/limit-changes.ts';
import { CLOCK_SKEW_MS, limitInForce, reserve } from '../../shared/limits.ts';
import type { LimitState } from '../../shared/limiting/rate-table.ts';

export interface MemoryLimitTable extends LimitTable {
  /** Writes so far, by name. */
  readonly writes: Readonly<Record<string, number>>;
}

/** The table in memory, with the adapter's meaning: each call is the pure rule on the record. Nobody sees an old record. */
export function createMemoryLimitTable(): MemoryLimitTable {
  const records = new Map<string, LimitState>();
  const slots = new Map<string, { owner: string; until: number }>();
  const writes: Record<string, number> = {};
  const write = (name: string, key: string, record: LimitState | undefined): void => {
    writes[name] = (writes[name] ?? 0) + 1;
    if (record) records.set(key, record);
  };
  const patch = (name: string, key: string, change: Partial<LimitState>): LimitState => {
    const after = { tat: 0, v: 0, refd: 0, gen: 0, ...records.get(key), ...change };
    write(name, key, after);
    return after;
  };
  return {
    writes,
    async reserve({ key, limit, units, nowUs, isAhead = false }) {
      const { answer, record } = reserve(records.get(key), limit, { units, nowUs, isAhead });
      write('reserve', key, record);
      return answer;
    },
    async giveBack({ key, grant, units, nowUs }) {
      const after = giveBack(records.get(key)!, grant, units, nowUs);
      if (after) write('giveBack', key, after);
      return after !== undefined;
    },
    async chargeMore({ key, limit, units }) {
      const record = records.get(key);
      if (record) write('chargeMore', key, chargeMore(record, limitInForce(record, limit), units));
    },
    async pauseUntil({ key, limit, untilUs }) {
      const record = records.get(key);
      write('pauseUntil', key, pauseUntil(record, limitInForce(record, limit), untilUs));
    },
    async changeRate({ key, seen, from, to, nowUs, notes }) {
      const record = records.get(key);
      if (record?.gen !== seen.gen || record.tat !== seen.tat) return false;
      write('changeRate', key, { ...changeRate(record, from, to, nowUs), ...notes });
      return true;
    },
    async raiseRate({ key, seen, from, unitUs, nowUs, notes }) {
      const record = records.get(key);
      if (record?.gen !== seen.gen || record.tat !== seen.tat) return false;
      write('raiseRate', key, { ...raiseRate(record, from, unitUs, nowUs), ...notes });
      return true;
    },
    read: async (key) => records.get(key),
    peek: (key) => records.get(key),
    countFailure: async (key) => patch('countFailure', key, { fails: (records.get(key)?.fails ?? 0) + 1 }),
    async countThrottle({ key, throttles, nowMs }) {
      patch('countThrottle', key, { throttles, throttledAt: nowMs });
    },
    async openBreaker({ key, count, untilMs }) {
      if ((records.get(key)?.breakerCount ?? 0) >= count) return false;
      const { fails: _, probe: __, ...rest } = records.get(key) ?? { tat: 0, v: 0, refd: 0, gen: 0 };
      write('openBreaker', key, { ...rest, breakerUntil: untilMs, breakerCount: count });
      return true;
    },
    async takeProbe({ key, owner, nowMs, untilMs }) {
      const { breakerUntil, probe } = records.get(key) ?? {};
      const isFree = probe === undefined || probe.u < nowMs - CLOCK_SKEW_MS || probe.o === owner;
      if (breakerUntil === undefined || breakerUntil > nowMs || !isFree) return false;
      patch('takeProbe', key, { probe: { o: owner, u: untilMs } });
      return true;
    },
    async closeBreaker(key) {
      const { fails, breakerUntil: _, breakerCount, probe: __, ...rest } = records.get(key) ?? { tat: 0, v: 0, refd: 0, gen: 0 };
      if (fails !== undefined || breakerCount !== undefined) write('closeBreaker', key, rest);
    },
    async takeSlot({ key, slots: count, owner, now, until, index, held }) {
      const candidates = Array.from({ length: count }, (_, i) => i).filter((i) => !held.includes(i) && (index === undefined || index === i));
      const leases = candidates.map((i) => slots.get(`${key}/${i}`));
      const free = candidates.find((_, i) => leases[i] === undefined || leases[i].owner === owner || leases[i].until < now - CLOCK_SKEW_MS);
      if (free === undefined) return { kind: 'none', freeAt: Math.min(...leases.map((lease) => lease!.until)) };
      slots.set(`${key}/${free}`, { owner, until });
      return { kind: 'taken', index: free };
    },
    async giveSlotBack({ key, index, owner }) {
      if (slots.get(`${key}/${index}`)?.owner === owner) slots.delete(`${key}/${index}`);
    },
  };
}
