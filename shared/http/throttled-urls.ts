import type { CallEnd, Held } from '../limiter.ts';
import { exhaustedUntil, retryAfterOf } from '../limiting/throttle-headers.ts';
import type { Exchange } from './exchange.ts';
import { type FetchFault, isSilence } from './fetch-errors.ts';

/** A URL that is refused so often in a row fails: its host may never mean to serve it. */
export const MAX_THROTTLES = 10;
/** Without a Retry-After: a second, doubled by each that follows. */
const PAUSE_MS = { base: 1000, cap: 60_000 };
const MAX_URLS = 10_000;

export type ThrottledUrls = ReturnType<typeof createThrottledUrls>;

/** How requests ended, as their limits see it; and what is made of a URL that its host throttles. */
export function createThrottledUrls(clock: () => number) {
  const counts = new Map<string, number>();

  /** @returns what the request is held by, or undefined: it failed */
  function holdBack(url: string, until: number | undefined): Held | undefined {
    const count = (counts.get(url) ?? 0) + 1;
    counts.delete(url);
    if (count > MAX_THROTTLES) return undefined;
    if (counts.size >= MAX_URLS) counts.delete(counts.keys().next().value!);
    counts.set(url, count);
    return { kind: 'held', until: until ?? clock() + Math.min(PAUSE_MS.cap, PAUSE_MS.base * 2 ** (count - 1)), limit: `host:${new URL(url).host}` };
  }

  const untilOf = (until: number | undefined): { readonly until?: number } => (until === undefined ? {} : { until });

  return {
    holdBack,
    forget: (url: string): void => void counts.delete(url),

    /** Who says that its quota is used up is not asked until it is filled again: it would refuse. */
    endOfAnswer: (answer: Exchange): CallEnd => ({ kind: 'answered', ...(answer.kind === 'response' && untilOf(exhaustedUntil(answer.headers, clock()))) }),

    /** 429 always; 503 where its host has a limit, or names a time: elsewhere it is a fault like others. */
    endOf(fault: FetchFault, isOpenNetwork: boolean): CallEnd {
      const { refusal } = fault;
      if (refusal === undefined) return { kind: isSilence(fault) ? 'failed' : 'answered' };
      const isThrottle = refusal.status === 429 || (refusal.status === 503 && (!isOpenNetwork || refusal.headers['retry-after'] !== undefined));
      return isThrottle ? { kind: 'throttled', ...untilOf(retryAfterOf(refusal.headers, clock())) } : { kind: 'answered' };
    },
  };
}
