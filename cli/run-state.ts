import type { QueuedState, RunRecord, StopReason } from '../shared/records.ts';
import { formatDuration } from './progress.ts';

/** A run's state in the words that people read. */

type State = Pick<RunRecord, 'state' | 'stop' | 'paused' | 'pausedFor' | 'queued'>;

/** Also of a stopped run only once it has its results. */
export const hasEnded = ({ state }: State): boolean => state === 'finished' || state === 'failed';

/** It ended before its work did. */
export const wasStopped = ({ stop }: State): boolean => stop !== undefined;

const ENDED: Readonly<Record<StopReason, string>> = { cancelled: 'cancelled', 'failure threshold': 'stopped (failure threshold)', 'time limit': 'stopped (time limit)' };

/** `open`, `paused`, `paused (budget spent)`, `waiting …`, `being stopped (…)`, `finished`, `failed`, `cancelled` or `stopped (…)`. */
export function describeState({ state, stop, paused, pausedFor, queued }: State): string {
  if (state === 'open' && paused) return pausedFor === 'budget' ? 'paused (budget spent)' : 'paused';
  if (state === 'open') return queued ? describeWaiting(queued) : 'open';
  if (state === 'failed' || !stop) return state;
  return state === 'finished' ? ENDED[stop.reason] : `being ${ENDED[stop.reason]}`;
}

/** What a planned run waits for before it begins. */
function describeWaiting(queued: QueuedState): string {
  const needs = queued.needs.toLocaleString('en');
  if (queued.reason === 'credits') return `waiting for credits: needs ${needs}, has ${queued.has.toLocaleString('en')}`;
  const about = queued.waitSeconds === undefined ? '' : `, about ${formatDuration(queued.waitSeconds)}`;
  return `queued: ${queued.ahead.toLocaleString('en')} items of ${queued.scope ?? 'its tenant'} wait before it${about}`;
}
