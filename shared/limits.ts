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
  /** Units of the largest call that starts at once: Nmax. Smaller ones make more of what is given back usable. @default burst */
  readonly largest?: number;
  /** A slower rate that the other side asked for (`Crawl-delay`): it holds whatever the record says, with a burst of 1. */
  readonly minUnitUs?: number;
}

/** What is stored for one key. */
export interface LimitRecord {
  /** Theoretical arrival time: when the bucket is full again. */
  readonly tat: number;
  /** Raised by every reservation. */
  readonly v: number;
  /** Sum of what was given back. */
  readonly refd: number;
  /** Raised when the rate in force is another one, or promises become void (Retry-After, rate change): what was read before has to be read again. */
  readonly gen: number;
  /** Promises of this generation and later ones hold. @default gen */
  readonly since?: number;
  /** Nothing starts before it: a Retry-After. */
  readonly pause?: number;
  /** T and B as they were changed while workers run: they beat what is configured. */
  readonly t?: number;
  readonly burst?: number;
}

/** What one reservation took, as its record was right after it: whoever gives back or waits for a start needs it. */
export interface Grant {
  readonly units: number;
  readonly limit: Limit;
  readonly tat: number;
  readonly refd: number;
  readonly gen: number;
  /** Undefined: others of the same write come after it, so it is not the last any more. */
  readonly v?: number;
}

export type Reservation =
  /** Start of each unit, ascending. A start is used within `MAX_START_DELAY_MS`, or dropped and reserved anew: a delayed one breaks the window. */
  | { readonly kind: 'granted'; readonly startsUs: readonly number[]; readonly grant: Grant }
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
  const limit: Limit = { unitUs: Math.ceil((US_PER_SECOND + WIRE_SLACK_US) / perSecond), burst: 1, maxWaitUs: maxWaitMs * US_PER_MS, largest: 1 };
  return minIntervalSeconds > 0 ? withMinInterval(limit, minIntervalSeconds) : limit;
}

/**
 * At most `units` in any window of `windowMs`, as the other side sees them: n starts within less than W + slack are at most B + (W + slack)/T,
 * so T = (W + slack)/(N + 1 - B) keeps n below N + 1.
 * @param window units and burst are integers, `1 <= burst <= units`
 */
export function windowLimit({ units, windowMs, burst, maxWaitMs }: { readonly units: number; readonly windowMs: number; readonly burst: number; readonly maxWaitMs: number }): Limit {
  if (!Number.isInteger(units) || !Number.isInteger(burst) || burst < 1 || burst > units) throw new RangeError(`expected a burst from 1 to ${units}, got ${burst}`);
  return { unitUs: Math.ceil((windowMs * US_PER_MS + WIRE_SLACK_US) / (units + 1 - burst)), burst, maxWaitUs: maxWaitMs * US_PER_MS };
}

/** The same limit for whoever asks for at least `seconds` between two starts. */
export function withMinInterval(limit: Limit, seconds: number): Limit {
  const minUnitUs = Math.ceil(seconds * US_PER_SECOND);
  return atLeast({ ...limit, minUnitUs }, minUnitUs);
}

const atLeast = (limit: Limit, minUnitUs: number): Limit => (limit.unitUs >= minUnitUs ? limit : { ...limit, unitUs: minUnitUs, burst: 1 });

/** The limit that holds: a rate stored in the record beats the configured one. */
export function limitInForce(record: LimitRecord | undefined, configured: Limit): Limit {
  const { t, burst = configured.burst } = record ?? {};
  if (t === undefined) return configured;
  const stored: Limit = { ...configured, unitUs: t, burst, ...(configured.largest !== undefined && { largest: Math.min(configured.largest, burst) }) };
  return configured.minUnitUs === undefined ? stored : atLeast(stored, configured.minUnitUs);
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

/** What a reservation whose `now` lies in the future adds to `refd`: nothing that was reserved before it can be given back any more. */
export const futureLock = ({ burst, unitUs }: Limit): number => burst * unitUs;

export interface ReservationRequest {
  readonly units: number;
  readonly nowUs: number;
  /** `now` lies in the future: a second key, asked for the start that the first one granted. It waits no longer. */
  readonly isAhead?: boolean;
}

/** A start that is asked for ahead is had exactly, or not at all. */
export const waitOf = (limit: Limit, isAhead = false): Limit => (isAhead ? { ...limit, maxWaitUs: 0 } : limit);

/** One reservation: the idle form, then the busy form. @returns the answer and the record after it */
export function reserve(record: LimitRecord | undefined, configured: Limit, { units, nowUs, isAhead = false }: ReservationRequest): { readonly answer: Reservation; readonly record: LimitRecord | undefined } {
  const limit = waitOf(limitInForce(record, configured), isAhead);
  if (units > largestRequest(limit)) return { answer: { kind: 'refused', comeBackAtUs: Infinity }, record };
  const { v = 0, refd = 0, gen = 0 } = record ?? {};
  const hasRest = isIdle(record, nowUs);
  if (!hasRest && record!.tat > busyBound(limit, units, nowUs)) return { answer: { kind: 'refused', comeBackAtUs: comeBackAt(limit, units, record!.tat) }, record };
  const tat = (hasRest ? nowUs : record!.tat) + units * limit.unitUs;
  const after: LimitRecord = { ...record, tat, v: v + 1, refd: refd + (isAhead ? futureLock(limit) : 0), gen };
  return { answer: grantedBy(limit, { units, nowUs }, after), record: after };
}

/** The answer of a reservation that left this record. */
export const grantedBy = (limit: Limit, { units, nowUs }: ReservationRequest, { tat, v, refd, gen }: LimitRecord): Reservation => ({
  kind: 'granted',
  startsUs: startsOf(limit, units, nowUs, tat),
  grant: { units, limit, tat, v, refd, gen },
});

/** Whether what was promised then is void now. */
export const isVoid = (record: LimitRecord | undefined, { gen }: Pick<Grant, 'gen'>): boolean => record === undefined || gen < (record.since ?? record.gen) || gen > record.gen;

/** Units that could start at once. */
export const unitsRemaining = (record: LimitRecord | undefined, limit: Limit, nowUs: number): number =>
  Math.floor((limit.burst * limit.unitUs - Math.max(0, (record?.tat ?? 0) - nowUs)) / limit.unitUs);
