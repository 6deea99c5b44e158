import type { ClassState, Lane } from '../lane-state.ts';
import { smooth } from './worker-window.ts';

/**
 * Of an item of which nothing is known, in milliseconds of a worker. Too little costs others at most what the first batches really take; too much
 * would drive virtual time ahead, and who comes then would wait until the corrected lane has caught up.
 */
const UNKNOWN_MS_PER_ITEM = 1;
/** Older work counts for less and less in rates. */
const RATE_MEMORY_MS = 30_000;

export interface Rate {
  /** A second. */
  n: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What a batch will cost, in milliseconds of a worker: by what the tenant's items of that processor took, else those of all tenants. At least 1. */
export const estimateCost = (lane: Lane, state: ClassState, processor: string, items: number): number =>
  Math.max(1, items * (lane.pace?.[processor] ?? state.pace?.[processor] ?? UNKNOWN_MS_PER_ITEM));

export function learnPace(lane: Lane, state: ClassState, processor: string, msPerItem: number): void {
  lane.pace = { ...lane.pace, [processor]: round(smooth(lane.pace?.[processor], msPerItem)) };
  state.pace = { ...state.pace, [processor]: round(smooth(state.pace?.[processor], msPerItem)) };
}

/** An exponentially weighted rate. */
export function addToRate(rate: Rate | undefined, count: number, now: number): Rate {
  return { n: round(rateAt(rate, now) + (1000 * count) / RATE_MEMORY_MS), at: now };
}

export const rateAt = (rate: Rate | undefined, now: number): number => (rate ? rate.n * Math.exp(Math.min(0, rate.at - now) / RATE_MEMORY_MS) : 0);

/** Short in the record. */
const round = (value: number): number => Number(value.toPrecision(4));
