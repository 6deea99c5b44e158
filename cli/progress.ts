import type { RunWait } from '../shared/describe-queue.ts';
import type { Counts } from '../shared/rows.ts';

/** Rate and remaining time from what was seen so far. Pure: time comes in with each sample. */

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly counts: Counts;
}

export interface Progress extends Counts {
  /** Items with a verdict. */
  readonly done: number;
  /** 0 to 100; below 100 while anything is pending. */
  readonly percent: number;
  /** Over the last 20 seconds; undefined before two samples differ in time. */
  readonly ratePerSecond?: number;
  /** Undefined while nothing moves. */
  readonly remainingSeconds?: number;
  /** Limits that hold the run back. */
  readonly waits?: readonly RunWait[];
}

/** A rate over less jumps with every batch; over more it is late to see a change. */
const RATE_WINDOW_MS = 20_000;

/** The samples that the next estimate needs: those of the window, and the one before it as its start. */
export function addSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const start = samples.findLastIndex(({ at }) => at <= sample.at - RATE_WINDOW_MS);
  return [...samples.slice(Math.max(0, start)), sample];
}

export function estimateProgress(samples: readonly Sample[]): Progress {
  const last = samples.at(-1);
  if (!last) throw new RangeError('expected at least one sample, got none');
  const { counts } = last;
  const done = counts.total - counts.pending;
  const ratePerSecond = rateOf(samples);
  return {
    ...counts,
    done,
    percent: counts.total === 0 ? 100 : Math.floor((100 * done) / counts.total),
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    ...(ratePerSecond !== undefined && ratePerSecond > 0 && { remainingSeconds: counts.pending / ratePerSecond }),
  };
}

function rateOf(samples: readonly Sample[]): number | undefined {
  const first = samples[0]!;
  const last = samples.at(-1)!;
  const seconds = (last.at - first.at) / 1000;
  if (seconds <= 0) return undefined;
  return Math.max(0, first.counts.pending - last.counts.pending) / seconds;
}

/** `1,234/10,000 (12 %), 45/s, 3 min left, 2 failed, 1 skipped, waiting for host:example.com until 12:34:56 and 3 more` */
export function describeProgress({ done, total, percent, ratePerSecond, remainingSeconds, failed, skipped, waits = [] }: Progress): string {
  return [
    `${formatCount(done)}/${formatCount(total)} (${percent} %)`,
    ratePerSecond === undefined ? undefined : `${formatRate(ratePerSecond)}/s`,
    remainingSeconds === undefined || done === total ? undefined : `${formatDuration(remainingSeconds)} left`,
    `${formatCount(failed)} failed`,
    `${formatCount(skipped)} skipped`,
    waits.length === 0 ? undefined : `waiting for ${nameSome(waits)}`,
  ].filter((part) => part !== undefined).join(', ');
}

function nameSome([first, ...more]: readonly RunWait[]): string {
  const others = more.length === 0 ? '' : ` and ${formatCount(more.length)} more`;
  return `${first!.limit} until ${formatTime(first!.until)}${others}`;
}

/** `12:34:56`, local time. */
export const formatTime = (ms: number): string => new Date(ms).toTimeString().slice(0, 8);

export const formatCount = (count: number): string => count.toLocaleString('en');

const formatRate = (rate: number): string => (rate >= 10 ? formatCount(Math.round(rate)) : rate.toFixed(1));

/** `8 s`, `3 min`, `2 h 5 min` */
export function formatDuration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}
