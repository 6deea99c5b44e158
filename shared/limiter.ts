/** What a worker asks of limits that all workers share. The implementation is in `shared/limiting/`; the records are those of `shared/limits.ts`. */

/** Units of one limit, such as 1 of `api:openai:gpt-4o:requests` or 1,200 of `api:openai:gpt-4o:tokens`. */
export interface LimitUse {
  readonly key: string;
  /** A positive integer. */
  readonly units: number;
  /** A slower rate that the other side asked for, such as robots.txt's `Crawl-delay`. */
  readonly minIntervalSeconds?: number;
  /** Calls like it that this caller is about to make after it: they may be reserved with it, in one write. Of a call under one limit. @default 0 */
  readonly ahead?: number;
}

/** A limit refused the start until then. */
export interface Held {
  readonly kind: 'held';
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Key of the limit. */
  readonly limit?: string;
}

/** How what was started ended, as its limits see it. */
export type CallEnd =
  /** The other side answered; `until`: it says that its quota is used up until then (`x-ratelimit-remaining: 0`), milliseconds since the epoch. */
  | { readonly kind: 'answered'; readonly until?: number }
  /** It asked for fewer calls (429, 503); `until` is its Retry-After, milliseconds since the epoch. It is no failure of an item and spends no retry. */
  | { readonly kind: 'throttled'; readonly until?: number }
  /** No answer, or one that says that it is broken (connection, time-out, 5xx): many in a row open the breaker. */
  | { readonly kind: 'failed' };

/** The right to start one call now. */
export interface StartedCall {
  readonly kind: 'started';
  /**
   * Must be called once, when the call is over.
   * @param real what it really took, of keys that were estimated: more is charged, less is given back where that can exceed no window
   */
  end(end: CallEnd, real?: readonly LimitUse[]): Promise<void>;
}

export type StartAnswer =
  | StartedCall
  | Held
  /** It asks for more units than the limit ever grants at once: no waiting helps. */
  | { readonly kind: 'too large'; readonly limit: string; readonly largest: number };

export interface Limiter {
  /**
   * The first key names the other side: its Retry-After, rate and breaker follow from how the call ends.
   * Waits a few seconds at most, until all limits admit the call at once; keys without a limit admit everything. What is started is started now:
   * no other wait may come between this and the call.
   */
  start(uses: readonly LimitUse[], signal: AbortSignal): Promise<StartAnswer>;
  /** Gives back what was reserved ahead and is not used: at the end of a batch, because a frozen worker can't. */
  release(): Promise<void>;
}
