import { CLOCK_SKEW_MS, type Grant, type Limit, type LimitRecord } from './limits.ts';

/** What changes a limit's record besides reservations (`limits.ts`). Each keeps the window; the executable model has a schedule for each that would not. */

const SKEW_US = CLOCK_SKEW_MS * 1000;

/**
 * Up to which `refd` units of an earlier reservation may still be taken back: what it added must still be in `tat`, and what is taken back
 * all together must not let a call start beside those that were promised later starts.
 * @param units of the grant's end
 */
export function refundBound({ limit, tat, refd }: Grant, units: number, nowUs: number): number {
  const room = (limit.burst - (limit.largest ?? limit.burst)) * limit.unitUs;
  return refd + Math.min(tat - nowUs - 2 * SKEW_US, room) - units * limit.unitUs;
}

/** Units that will not be used. @returns the record after it, or undefined: what can't be given back is lost, never forced */
export function giveBack(record: LimitRecord, grant: Grant, units: number, nowUs: number): LimitRecord | undefined {
  const isLast = record.v === grant.v;
  if (record.gen !== grant.gen || (!isLast && record.refd > refundBound(grant, units, nowUs))) return undefined;
  const amount = units * grant.limit.unitUs;
  return { ...record, tat: record.tat - amount, refd: record.refd + amount };
}

/** Units that were used beyond what was reserved. */
export const chargeMore = (record: LimitRecord, limit: Limit, units: number): LimitRecord => ({ ...record, tat: record.tat + units * limit.unitUs, v: record.v + 1 });

/** `tat` at which the first unit starts at `pauseUs`, and the next ones at the rate. */
export const tatAfterPause = ({ burst, unitUs }: Pick<Limit, 'burst' | 'unitUs'>, pauseUs: number): number => pauseUs + (burst - 1) * unitUs;

/** Nothing starts before `untilUs`; every promise is void, also where `tat` is later already. A pause never shrinks. */
export function pauseUntil(record: LimitRecord | undefined, limit: Limit, untilUs: number): LimitRecord {
  const tat = tatAfterPause(limit, untilUs);
  const { v = 0, refd = 0, gen = 0, pause = 0, since: _, ...rest } = record ?? {};
  return { ...rest, tat: Math.max(record?.tat ?? 0, tat), pause: Math.max(pause, untilUs), v: v + 1, gen: gen + 1, refd };
}

/** Another rate from now on: the debt is rescaled, a pause is not. Every promise is void. */
export function changeRate({ since: _, ...record }: LimitRecord, from: Pick<Limit, 'unitUs'>, to: Pick<Limit, 'unitUs' | 'burst'>, nowUs: number): LimitRecord {
  return { ...record, tat: rescaledTat(record, from, to, nowUs), t: to.unitUs, burst: to.burst, v: record.v + 1, gen: record.gen + 1 };
}

export function rescaledTat({ tat, pause = 0 }: LimitRecord, from: Pick<Limit, 'unitUs'>, to: Pick<Limit, 'unitUs' | 'burst'>, nowUs: number): number {
  const rescaled = nowUs + Math.ceil((Math.max(0, tat - nowUs) * to.unitUs) / from.unitUs);
  return pause > nowUs ? Math.max(rescaled, tatAfterPause(to, pause)) : rescaled;
}

/** A higher rate for what comes after the last promise: what was promised holds, so that a rate which rises step by step wastes nothing. The burst stays. */
export function raiseRate(record: LimitRecord, from: Pick<Limit, 'unitUs' | 'burst'>, unitUs: number, nowUs: number): LimitRecord {
  const { since = record.gen } = record;
  return { ...record, tat: raisedTat(record, from, unitUs, nowUs), t: unitUs, burst: from.burst, v: record.v + 1, gen: record.gen + 1, since };
}

/** The last promise is a unit before `tat` at the latest: a call of one unit that another key's start had wait. */
export function raisedTat({ tat, pause = 0 }: LimitRecord, { unitUs: from, burst }: Pick<Limit, 'unitUs' | 'burst'>, to: number, nowUs: number): number {
  const promised = Math.max(nowUs, tat - from);
  const raised = promised + Math.ceil((Math.max(0, tat - promised) * to) / from);
  return Math.max(raised, tatAfterPause({ burst, unitUs: to }, pause));
}
