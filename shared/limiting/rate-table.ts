import type { Grant, Limit, LimitRecord, Reservation } from '../limits.ts';

/** A limit's record, with what is kept beside the rate. */
export interface LimitState extends LimitRecord {
  /** Microseconds a unit takes when nobody asked for fewer calls: what `t` comes back to. */
  readonly t0?: number;
  /** When the rate may rise by its next step, milliseconds since the epoch. */
  readonly stepAt?: number;
  /** How often in a row the other side asked for fewer calls, and when it did last. */
  readonly throttles?: number;
  readonly throttledAt?: number;
  /** Failures in a row. */
  readonly fails?: number;
  /** The breaker is open until then, and half open after it; milliseconds since the epoch. */
  readonly breakerUntil?: number;
  /** How often in a row it opened. */
  readonly breakerCount?: number;
  /** Who probes whether the other side is back, and until when. */
  readonly probe?: { readonly o: string; readonly u: number };
}

export interface ReserveRequest {
  readonly key: string;
  /** As configured; a rate stored in the record beats it. */
  readonly limit: Limit;
  readonly units: number;
  readonly nowUs: number;
  /** `nowUs` is a start in the future that another key granted: exactly that, or nothing. */
  readonly isAhead?: boolean;
}

/** Rates that all workers share. Every call may be made twice, or its answer be lost: that costs units, and never grants one too many. */
export interface RateTable {
  reserve(request: ReserveRequest): Promise<Reservation>;
  /** @returns false: the units are lost, because giving them back could exceed a window */
  giveBack(request: { readonly key: string; readonly grant: Grant; readonly units: number; readonly nowUs: number }): Promise<boolean>;
  /** Units that were used beyond what was reserved. */
  chargeMore(request: { readonly key: string; readonly limit: Limit; readonly units: number; readonly nowUs: number }): Promise<void>;
  /** Nothing starts before `untilUs`, and every promise is void. */
  pauseUntil(request: { readonly key: string; readonly limit: Limit; readonly untilUs: number }): Promise<void>;
  /**
   * Another rate from now on, if the record is still the one that was seen.
   * @param notes what is stored beside it
   */
  changeRate(request: { readonly key: string; readonly seen: LimitState; readonly from: Limit; readonly to: Pick<Limit, 'unitUs' | 'burst'>; readonly nowUs: number; readonly notes?: RateNotes }): Promise<boolean>;
  /** A higher rate after the last promise, if the record is still the one that was seen: what was promised holds. */
  raiseRate(request: { readonly key: string; readonly seen: LimitState; readonly from: Limit; readonly unitUs: number; readonly nowUs: number; readonly notes: RateNotes }): Promise<boolean>;
  read(key: string): Promise<LimitState | undefined>;
  /** The record as this worker saw it last, without a call. */
  peek(key: string): LimitState | undefined;
  /** @returns the record with the failure counted */
  countFailure(key: string, nowMs: number): Promise<LimitState>;
  countThrottle(request: { readonly key: string; readonly throttles: number; readonly nowMs: number }): Promise<void>;
  /** Opens the breaker for the `count`th time in a row; one of those who try at once does. */
  openBreaker(request: { readonly key: string; readonly count: number; readonly untilMs: number }): Promise<boolean>;
  /** One worker at a time may try whether the other side is back. */
  takeProbe(request: { readonly key: string; readonly owner: string; readonly nowMs: number; readonly untilMs: number }): Promise<boolean>;
  /** The other side answered: no failures in a row, no breaker. */
  closeBreaker(key: string): Promise<void>;
}

export interface RateNotes {
  readonly t0: number;
  readonly stepAt: number;
}
