import type { RateSetting } from '../limit-language.ts';
import { findSetting, limitForKey, type LimitSettings } from '../limit-settings.ts';
import { limitInForce, type Limit } from '../limits.ts';
import type { LimitState, RateTable } from './rate-table.ts';
import type { LimitSettingsStore } from './settings-store.ts';
import { usedLately } from './usage.ts';

/** What an operator does to limits while workers run. */
export interface LimitControl {
  list(): Promise<readonly LimitLine[]>;
  /** @returns the keys whose records have the new rate already; others have it with their first use */
  set(changes: readonly (readonly [pattern: string, setting: RateSetting])[]): Promise<readonly string[]>;
  /** @returns false if none of them was set */
  unset(patterns: readonly string[]): Promise<boolean>;
}

export interface LimitLine {
  /** A key in use, or a pattern that is set. */
  readonly key: string;
  /** What is set for it; undefined: the default. */
  readonly setting?: RateSetting;
  /** In force, of a key in use. */
  readonly perMinute?: number;
  readonly burst?: number;
  /** Share of the whole rate, below 1 while it recovers from a throttle. */
  readonly share?: number;
  /** Units of the last minute. */
  readonly used: number;
  /** Throttles in a row. */
  readonly throttles: number;
  readonly breaker: 'closed' | 'open' | 'half open';
  /** Nothing starts before it, milliseconds since the epoch. */
  readonly pausedUntil?: number;
  /** Batches that wait for it, if the dispatcher was asked. */
  readonly waiting?: number;
}

export interface LimitControlPorts {
  readonly settings: LimitSettingsStore;
  readonly table: RateTable;
  /** Every limit's record, by key. */
  readonly listRecords: () => Promise<readonly (readonly [key: string, record: LimitState])[]>;
  /** Of the stack. */
  readonly hostRequestsPerSecond: number;
  readonly clock: () => number;
  /** Batches that wait, by the key that holds them. @default not asked */
  readonly countWaiting?: () => Promise<ReadonlyMap<string, number>>;
}

const US_PER_MS = 1000;
const MINUTE_US = 60_000_000;
const THROTTLES_SHOWN_MS = 120_000;
/** Workers write the record all the time. */
const MAX_TRIES = 50;

export function createLimitControl(ports: LimitControlPorts): LimitControl {
  const { settings: store, table, listRecords, clock } = ports;
  const limitOf = (key: string, settings: LimitSettings): Limit | undefined => limitForKey(key, settings, { maxWaitMs: 0, hostRequestsPerSecond: ports.hostRequestsPerSecond });

  /** The record says at once what the settings say now, and its debt with it. */
  async function apply(key: string, before: LimitSettings, after: LimitSettings): Promise<boolean> {
    const to = limitOf(key, after);
    if (!to) return false;
    const configured = limitOf(key, before) ?? to;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const seen = await table.read(key);
      if (seen?.tat === undefined) return false;
      const from = limitInForce(seen, configured);
      const nowMs = clock();
      if (await table.changeRate({ key, seen, from, to, nowUs: nowMs * US_PER_MS, notes: { t0: to.unitUs, stepAt: nowMs } })) return true;
    }
    return false;
  }

  /** Of the keys in use, those whose limit is another one now. */
  async function applyAll(before: LimitSettings, after: LimitSettings): Promise<string[]> {
    const changed: string[] = [];
    for (const [key] of await listRecords()) {
      if (JSON.stringify(findSetting(key, before)) === JSON.stringify(findSetting(key, after))) continue;
      if (await apply(key, before, after)) changed.push(key);
    }
    return changed;
  }

  return {
    async list() {
      const [settings, records, waiting] = await Promise.all([store.read(), listRecords(), ports.countWaiting?.()]);
      const used = new Set(records.map(([key]) => key));
      const unused = Object.entries(settings).filter(([pattern]) => !used.has(pattern)).map(([key, setting]): LimitLine => ({ key, setting, used: 0, throttles: 0, breaker: 'closed' }));
      const inUse = records.map(([key, record]) => ({ ...describeRecord(key, record, { settings, limit: limitOf(key, settings), nowMs: clock() }), ...(waiting && { waiting: waiting.get(key) ?? 0 }) }));
      return [...inUse, ...unused].toSorted((a, b) => (a.key < b.key ? -1 : 1));
    },
    async set(changes) {
      const before = await store.read();
      for (const [pattern, setting] of changes) await store.set(pattern, setting);
      return applyAll(before, { ...before, ...Object.fromEntries(changes) });
    },
    async unset(patterns) {
      const before = await store.read();
      const gone = patterns.filter((pattern) => before[pattern] !== undefined);
      for (const pattern of gone) await store.unset(pattern);
      await applyAll(before, Object.fromEntries(Object.entries(before).filter(([pattern]) => !gone.includes(pattern))));
      return gone.length > 0;
    },
  };
}

function describeRecord(key: string, record: LimitState, { settings, limit, nowMs }: { readonly settings: LimitSettings; readonly limit: Limit | undefined; readonly nowMs: number }): LimitLine {
  const setting = findSetting(key, settings);
  const inForce = limit && limitInForce(record, limit);
  const { pause = 0, t, t0, throttles = 0, throttledAt = 0, breakerUntil } = record;
  const pausedUntil = Math.ceil(pause / US_PER_MS);
  return {
    key,
    ...(setting && { setting }),
    ...(inForce && { perMinute: Math.round((10 * MINUTE_US) / inForce.unitUs) / 10, burst: inForce.burst }),
    ...(t !== undefined && t0 !== undefined && { share: Math.round((100 * t0) / t) / 100 }),
    used: usedLately(record as unknown as Record<string, unknown>, nowMs),
    throttles: nowMs - throttledAt < THROTTLES_SHOWN_MS ? throttles : 0,
    breaker: breakerUntil === undefined ? 'closed' : breakerUntil > nowMs ? 'open' : 'half open',
    ...(pausedUntil > nowMs && { pausedUntil }),
  };
}
