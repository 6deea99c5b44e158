/**
 * The generic cell rate algorithm (GCRA) as arithmetic on one record. Pure; all times are integers in microseconds since the epoch.
 * In any window W at most `burst + W / unitUs` units start, if every granted start is used at its time or not at all.
 */
export interface Limit {
  /** Microseconds a unit takes at the steady rate: T. */
  readonly unitUs: number;
  /** Units that may start at once after a rest, at least 1: B. */
  readonly burst: number;
  /** Longest wait that a reservation may promise: w. */
  readonly maxWaitUs: number;
}

/** What is stored for one key. */
export interface LimitRecord {
  /** Theoretical arrival time: when the bucket is full again. */
  readonly tat: number;
  /** Raised by every reservation. */
  readonly v: number;
  /** Sum of what was given back. */
  readonly refd: number;
  /** Raised when promises become void (Retry-After, rate change). */
  readonly gen: number;
}

export type Reservation =
  /** Start of each unit, ascending. A start is used within `MAX_START_DELAY_MS`, or dropped and reserved anew: a delayed one breaks the window. */
  | { readonly kind: 'granted'; readonly startsUs: readonly number[] }
  /** Nothing was reserved; not before `comeBackAtUs` can the same request be granted. Infinity: never, it exceeds burst and wait. */
  | { readonly kind: 'refused'; readonly comeBackAtUs: number };

/** Clocks of two workers differ by at most this much. */
export const CLOCK_SKEW_MS = 50;
export const MAX_START_DELAY_MS = 50;
const US_PER_MS = 1000;
const US_PER_SECOND = 1_000_000;
/** Two starts seen from outside may be closer than they were granted: by both clocks and one late start. */
const WIRE_SLACK_US = (2 * CLOCK_SKEW_MS + MAX_START_DELAY_MS) * US_PER_MS;

/**
 * A limit of `perSecond` requests that the other side sees in no window of one second exceeded: burst 1, and the seconds stretched by what
 * clocks and lateness may add. 2 a second is one every 575 ms.
 * @param minIntervalSeconds a lower rate that the site asks for (`Crawl-delay`)
 */
export function limitPerSecond(perSecond: number, maxWaitMs: number, minIntervalSeconds = 0): Limit {
  const unitUs = Math.ceil(Math.max((US_PER_SECOND + WIRE_SLACK_US) / perSecond, minIntervalSeconds * US_PER_SECOND));
  return { unitUs, burst: 1, maxWaitUs: maxWaitMs * US_PER_MS };
}

/** The most units that a rested record can grant at once. */
export const largestRequest = ({ burst, maxWaitUs, unitUs }: Limit): number => burst + Math.floor(maxWaitUs / unitUs);

export const isIdle = (record: LimitRecord | undefined, nowUs: number): boolean => record === undefined || record.tat <= nowUs;

/** Highest `tat` at which a busy record still grants `units`. */
export const busyBound = (limit: Limit, units: number, nowUs: number): number => nowUs + limit.maxWaitUs + (limit.burst - units) * limit.unitUs;

/** Starts of `units` that moved the record to `tatAfter`. */
export function startsOf(limit: Limit, units: number, nowUs: number, tatAfter: number): number[] {
  return Array.from({ length: units }, (_, i) => Math.max(nowUs, tatAfter - (units - 1 - i) * limit.unitUs - limit.burst * limit.unitUs));
}

/** When the same request will be granted, if nobody else comes. */
export const comeBackAt = (limit: Limit, units: number, tat: number): number =>
  units > largestRequest(limit) ? Infinity : tat + units * limit.unitUs - limit.burst * limit.unitUs - limit.maxWaitUs;

/** Units, at most `wanted`, that a record grants now. */
export function unitsThatFit(limit: Limit, wanted: number, nowUs: number, record: LimitRecord | undefined): number {
  const debt = isIdle(record, nowUs) ? 0 : record!.tat - nowUs;
  return Math.max(0, Math.min(wanted, limit.burst + Math.floor((limit.maxWaitUs - debt) / limit.unitUs)));
}

/** One reservation: the idle form, then the busy form. @returns the answer and the record after it */
export function reserve(record: LimitRecord | undefined, limit: Limit, units: number, nowUs: number): { readonly answer: Reservation; readonly record: LimitRecord | undefined } {
  if (units > largestRequest(limit)) return { answer: { kind: 'refused', comeBackAtUs: Infinity }, record };
  const { v = 0, refd = 0, gen = 0 } = record ?? {};
  const hasRest = isIdle(record, nowUs);
  if (!hasRest && record!.tat > busyBound(limit, units, nowUs)) return { answer: { kind: 'refused', comeBackAtUs: comeBackAt(limit, units, record!.tat) }, record };
  const tat = (hasRest ? nowUs : record!.tat) + units * limit.unitUs;
  return { answer: { kind: 'granted', startsUs: startsOf(limit, units, nowUs, tat) }, record: { tat, v: v + 1, refd, gen } };
}

/** Units that could start at once. */
export const unitsRemaining = (record: LimitRecord | undefined, limit: Limit, nowUs: number): number =>
  Math.floor((limit.burst * limit.unitUs - Math.max(0, (record?.tat ?? 0) - nowUs)) / limit.unitUs);
