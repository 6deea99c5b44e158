import type { Grant, Limit } from '../limits.ts';
import { limitInForce } from '../limits.ts';
import type { LimitState, RateTable } from './rate-table.ts';
import { MAX_RETRY_AFTER_MS } from './throttle-headers.ts';

/** How a limit answers to the other side: throttled, it pauses and slows down; answered, it comes back step by step; silent, its breaker opens. */

/** Multiplicative decrease: the rate is halved, down to a sixteenth. */
const DECREASE = 2;
const LOWEST_SHARE = 1 / 16;
/** Additive increase: a tenth of the whole rate, every ten seconds without a throttle. */
const STEP_SHARE = 0.1;
export const STEP_EVERY_MS = 10_000;
/** Without a Retry-After: a second, doubled by each throttle that follows. */
const PAUSE_MS = { base: 1000, cap: 60_000 };
/** Throttles further apart are not in a row. */
const FORGET_THROTTLES_MS = 120_000;
export const FAILURES_TO_OPEN = 5;
const COOL_DOWN_MS = { base: 30_000, cap: 900_000 };
/** A probe that has not ended by then is another worker's to make. */
export const PROBE_LEASE_MS = 120_000;
/** A record that others write all the time may be another one by then. */
const MAX_TRIES = 4;
const US_PER_MS = 1000;

export type PaceTable = Pick<RateTable, 'read' | 'peek' | 'changeRate' | 'raiseRate' | 'pauseUntil' | 'countThrottle' | 'countFailure' | 'openBreaker' | 'closeBreaker'>;

export interface LimitedKey {
  readonly key: string;
  /** As configured. */
  readonly limit: Limit;
}

/** Retry-After, and half of the rate: once for all calls that were started under it. */
export async function slowDown(table: PaceTable, { key, limit }: LimitedKey, { gen }: Pick<Grant, 'gen'>, { nowMs, until }: { readonly nowMs: number; readonly until?: number }): Promise<void> {
  const state = await cutRate(table, { key, limit }, gen, nowMs);
  const throttles = state?.throttledAt !== undefined && nowMs - state.throttledAt < FORGET_THROTTLES_MS ? (state.throttles ?? 0) : 0;
  await table.countThrottle({ key, throttles: throttles + 1, nowMs });
  const pauseMs = until === undefined ? Math.min(PAUSE_MS.cap, PAUSE_MS.base * 2 ** throttles) : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, until - nowMs));
  await table.pauseUntil({ key, limit, untilUs: (nowMs + pauseMs) * US_PER_MS });
}

/** The other side says beforehand that it would refuse: no throttle yet, so the rate stays. */
export async function rest(table: PaceTable, { key, limit }: LimitedKey, { nowMs, until }: { readonly nowMs: number; readonly until: number }): Promise<void> {
  const pauseMs = Math.min(MAX_RETRY_AFTER_MS, until - nowMs);
  if (pauseMs > 0) await table.pauseUntil({ key, limit, untilUs: (nowMs + pauseMs) * US_PER_MS });
}

/** @returns the record as it was before */
async function cutRate(table: PaceTable, { key, limit }: LimitedKey, gen: number, nowMs: number): Promise<LimitState | undefined> {
  const before = await table.read(key);
  for (let state = before, tries = 0; state?.gen === gen && tries < MAX_TRIES; tries++) {
    const from = limitInForce(state, limit);
    const t0 = state.t0 ?? from.unitUs;
    const to = { unitUs: Math.min(from.unitUs * DECREASE, Math.ceil(t0 / LOWEST_SHARE)), burst: from.burst };
    if (to.unitUs <= from.unitUs) break;
    if (await table.changeRate({ key, seen: state, from, to, nowUs: nowMs * US_PER_MS, notes: { t0, stepAt: nowMs + STEP_EVERY_MS } })) break;
    state = table.peek(key);
  }
  return before;
}

/** Microseconds a unit takes after the steps that are due, or undefined. */
export function dueStep({ t, t0, stepAt, pause = 0 }: LimitState, nowMs: number): number | undefined {
  if (t === undefined || t0 === undefined || stepAt === undefined || t <= t0) return undefined;
  // A pause says nothing of what the other side takes.
  const firstAt = Math.max(stepAt, pause / US_PER_MS + STEP_EVERY_MS);
  if (nowMs < firstAt) return undefined;
  const steps = 1 + Math.floor((nowMs - firstAt) / STEP_EVERY_MS);
  return Math.max(t0, Math.ceil(t0 / (t0 / t + steps * STEP_SHARE)));
}

/** A step back to the whole rate, if one is due: written by who is about to reserve anyway. */
export async function speedUp(table: PaceTable, { key, limit }: LimitedKey, nowMs: number): Promise<void> {
  const state = table.peek(key);
  const unitUs = state && dueStep(state, nowMs);
  if (!state || unitUs === undefined) return;
  const from = limitInForce(state, limit);
  await table.raiseRate({ key, seen: state, from, unitUs, nowUs: nowMs * US_PER_MS, notes: { t0: state.t0!, stepAt: nowMs + STEP_EVERY_MS } });
}

/** Counts a failure; enough of them in a row, or one of a probe, open the breaker. */
export async function noteFailure(table: PaceTable, { key, limit }: LimitedKey, isProbe: boolean, nowMs: number): Promise<void> {
  const { fails = 0, breakerCount = 0 } = await table.countFailure(key, nowMs);
  // What began before the breaker opened says nothing new.
  if (!isProbe && (breakerCount > 0 || fails < FAILURES_TO_OPEN)) return;
  const untilMs = nowMs + Math.min(COOL_DOWN_MS.cap, COOL_DOWN_MS.base * 2 ** breakerCount);
  if (await table.openBreaker({ key, count: breakerCount + 1, untilMs })) await table.pauseUntil({ key, limit, untilUs: untilMs * US_PER_MS });
}

/** Costs a call only if there is something to forget; an open breaker is closed by its probe alone. */
export async function noteAnswer(table: PaceTable, { key }: LimitedKey, isProbe: boolean): Promise<void> {
  const { fails, breakerCount } = table.peek(key) ?? {};
  if (isProbe || (fails !== undefined && breakerCount === undefined)) await table.closeBreaker(key);
}
