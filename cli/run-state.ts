import type { RunRecord, StopReason } from '../shared/records.ts';

/** A run's state in the words that people read. */

type State = Pick<RunRecord, 'state' | 'stop' | 'paused'>;

/** Also of a stopped run only once it has its results. */
export const hasEnded = ({ state }: State): boolean => state === 'finished' || state === 'failed';

/** It ended before its work did. */
export const wasStopped = ({ stop }: State): boolean => stop !== undefined;

const ENDED: Readonly<Record<StopReason, string>> = { cancelled: 'cancelled', 'failure threshold': 'stopped (failure threshold)', 'time limit': 'stopped (time limit)' };

/** `open`, `paused`, `being stopped (…)`, `finished`, `failed`, `cancelled` or `stopped (…)`. */
export function describeState({ state, stop, paused }: State): string {
  if (state === 'open') return paused ? 'paused' : 'open';
  if (state === 'failed' || !stop) return state;
  return state === 'finished' ? ENDED[stop.reason] : `being ${ENDED[stop.reason]}`;
}
