import type { SentBatch } from './world.ts';

/** 1: all the same; 1/n: one has everything (Jain, Chiu, Hawe 1984). */
export const jain = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) ** 2 / (values.length * values.reduce((sum, value) => sum + value ** 2, 0));

/**
 * Unfairness u as Temporal's own test of its fair queues counts it (`tests/priority_fairness_test.go`): positions at which each key's first task comes, from 0, summed
 * and divided by the square of the number of keys. Keys that take turns from the start have about 0.5, a queue in order of arrival more the longer it is.
 */
export function unfairness(order: readonly (number | string)[]): number {
  const firsts = new Map<number | string, number>();
  for (const [i, key] of order.entries()) if (!firsts.has(key)) firsts.set(key, i);
  return [...firsts.values()].reduce((sum, first) => sum + first, 0) / firsts.size ** 2;
}

/** A tenant has work to be sent from its arrival until its last batch is sent. */
function backloggedUntil(sent: readonly SentBatch[], tenants: number): number {
  const last = Array.from({ length: tenants }, () => -1);
  for (const [i, { tenant }] of sent.entries()) last[tenant] = i;
  return Math.min(...last);
}

/**
 * Jain's index of service by weight, in each stretch of ten rounds in which all tenants have work; a round gives the tenant of weight 1 one batch of the
 * largest cost. @returns the indices, empty if there was no such stretch
 */
export function jainByStretch(sent: readonly SentBatch[], weights: readonly number[], rounds = 10): number[] {
  const end = backloggedUntil(sent, weights.length);
  const costs = sent.slice(0, end + 1);
  const largest = Math.max(...costs.map(({ estimate }) => estimate));
  const stretch = rounds * largest * weights.reduce((sum, weight) => sum + weight, 0);
  const indices: number[] = [];
  let served = weights.map(() => 0);
  let sum = 0;
  for (const { tenant, estimate } of costs) {
    served[tenant]! += estimate;
    sum += estimate;
    if (sum < stretch) continue;
    indices.push(jain(served.map((service, i) => service / weights[i]!)));
    served = weights.map(() => 0);
    sum = 0;
  }
  return indices;
}

const WATCHED = 12;

/**
 * Worst of |A/w_a - B/w_b| over every interval in which all have work, of every pair of the watched tenants (those of least and of most weight), as a share of
 * c_a/w_a + c_b/w_b. @param costOf what a batch counts: its estimate, or its real cost
 */
export function worstLag(sent: readonly SentBatch[], weights: readonly number[], costOf: (batch: SentBatch) => number): number {
  const end = backloggedUntil(sent, weights.length);
  const byWeight = weights.map((weight, i) => ({ weight, i })).toSorted((a, b) => a.weight - b.weight).map(({ i }) => i);
  const watched = [...new Set([...byWeight.slice(0, WATCHED / 2), ...byWeight.slice(-WATCHED / 2)])];
  const costs = sent.slice(0, end + 1);
  const pairs = watched.flatMap((a, n) => watched.slice(n + 1).map((b) => [a, b] as const));
  return Math.max(0, ...pairs.map(([a, b]) => spread(costs, { a, b, weights, costOf }) / unit(costs, { a, b, weights, costOf })));
}

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly weights: readonly number[];
  readonly costOf: (batch: SentBatch) => number;
}

/** c_a/w_a + c_b/w_b, with each tenant's largest cost. */
function unit(sent: readonly SentBatch[], { a, b, weights, costOf }: Pair): number {
  const largest = (of: number): number => sent.reduce((most, batch) => (batch.tenant === of ? Math.max(most, costOf(batch)) : most), 0);
  return Math.max(Number.MIN_VALUE, largest(a) / weights[a]! + largest(b) / weights[b]!);
}

/** Largest difference of A/w_a - B/w_b between any two moments: what it changed by over the worst interval. */
function spread(sent: readonly SentBatch[], { a, b, weights, costOf }: Pair): number {
  let lag = 0;
  let [low, high] = [0, 0];
  for (const batch of sent) {
    if (batch.tenant === a) lag += costOf(batch) / weights[a]!;
    else if (batch.tenant === b) lag -= costOf(batch) / weights[b]!;
    [low, high] = [Math.min(low, lag), Math.max(high, lag)];
  }
  return high - low;
}

/** Milliseconds from each tenant's arrival to its first batch. */
export function firstWaits(sent: readonly SentBatch[], arrivals: readonly number[]): number[] {
  const firsts = new Map<number, number>();
  for (const { tenant, at } of sent) if (!firsts.has(tenant)) firsts.set(tenant, at - arrivals[tenant]!);
  return [...firsts.values()];
}

export const quantile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;

export interface LimiterUse {
  /** Units that started, as a share of what the limit lets start in that time. */
  readonly use: number;
  /** The fullest window, and what it may hold. */
  readonly fullest: number;
  readonly allowed: number;
}

/** @param starts ascending or not, in ms; @param limit at most `units` in any window of `windowMs` */
export function limiterUse(starts: readonly number[], { units, windowMs }: { readonly units: number; readonly windowMs: number }): LimiterUse {
  const sorted = starts.toSorted((a, b) => a - b);
  let fullest = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while (sorted[last]! - sorted[first]! >= windowMs) first++;
    fullest = Math.max(fullest, last - first + 1);
  }
  const span = sorted.length === 0 ? 0 : sorted.at(-1)! - sorted[0]!;
  return { use: span === 0 ? 0 : sorted.length / (units * (span / windowMs)), fullest, allowed: units };
}
