import type { Timeouts } from './exchange.ts';

/** A host that answered fast so far is given up sooner when it does not, but never sooner than this. */
const LEAST_MS = 5000;
/** RFC 6298: how much a new observation counts in the smoothed time and in its variation, and how many variations a time-out leaves. */
const ALPHA = 1 / 8;
const BETA = 1 / 4;
const VARIATIONS = 4;
/** Pages of one host differ more than round trips of one connection. */
const MARGIN = 3;
const LEAST_OBSERVATIONS = 5;
const MAX_HOSTS = 2000;

interface Seen {
  readonly smoothedMs: number;
  readonly variationMs: number;
  readonly count: number;
  /** Doubled by every time-out: a host that became slow is not cut off for ever. */
  readonly backOff: number;
}

export type AdaptiveTimeouts = ReturnType<typeof createAdaptiveTimeouts>;

/** Time-outs for each host from what its answers took, between a floor and what is configured; the first few answers have the configured ones. */
export function createAdaptiveTimeouts(configured: Timeouts) {
  const hosts = new Map<string, Seen>();

  function remember(host: string, seen: Seen): void {
    hosts.delete(host);
    if (hosts.size >= MAX_HOSTS) hosts.delete(hosts.keys().next().value!);
    hosts.set(host, seen);
  }

  return {
    of(host: string): Timeouts {
      const seen = hosts.get(host);
      if (!seen || seen.count < LEAST_OBSERVATIONS) return configured;
      const waitMs = Math.max(LEAST_MS, MARGIN * (seen.smoothedMs + VARIATIONS * seen.variationMs)) * seen.backOff;
      return { ...configured, headersMs: Math.min(configured.headersMs, waitMs), bodyMs: Math.min(configured.bodyMs, waitMs), totalMs: Math.min(configured.totalMs, 2 * waitMs) };
    },

    /** @param tookMs from the request to the end of its answer */
    noteAnswer(host: string, tookMs: number): void {
      const seen = hosts.get(host);
      if (!seen) return remember(host, { smoothedMs: tookMs, variationMs: tookMs / 2, count: 1, backOff: 1 });
      const variationMs = (1 - BETA) * seen.variationMs + BETA * Math.abs(seen.smoothedMs - tookMs);
      remember(host, { smoothedMs: (1 - ALPHA) * seen.smoothedMs + ALPHA * tookMs, variationMs, count: seen.count + 1, backOff: 1 });
    },

    noteTimeout(host: string): void {
      const seen = hosts.get(host);
      if (seen) remember(host, { ...seen, backOff: 2 * seen.backOff });
    },
  };
}
