export interface WindowLimits {
  readonly requests: number;
  readonly tokens: number;
  readonly windowMs: number;
}

export type WindowAnswer = { readonly isTaken: true } | { readonly isTaken: false; readonly retryAfterMs: number };

/** What a provider does: at most so many requests and tokens in any window of that length, counted exactly, at arrival. Refused calls count for nothing. */
export class SlidingWindow {
  readonly #limits: WindowLimits;
  readonly #calls: { readonly at: number; readonly tokens: number }[] = [];

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  take(tokens: number, nowMs: number): WindowAnswer {
    const { requests, tokens: most, windowMs } = this.#limits;
    while (this.#calls[0] && this.#calls[0].at <= nowMs - windowMs) this.#calls.shift();
    const sum = this.#calls.reduce((total, call) => total + call.tokens, 0);
    if (this.#calls.length < requests && sum + tokens <= most) {
      this.#calls.push({ at: nowMs, tokens });
      return { isTaken: true };
    }
    return { isTaken: false, retryAfterMs: this.#freeAt(tokens, sum) - nowMs };
  }

  /** When enough of the oldest calls have left the window. */
  #freeAt(tokens: number, sum: number): number {
    const { requests, tokens: most, windowMs } = this.#limits;
    let left = sum;
    for (const [i, call] of this.#calls.entries()) {
      left -= call.tokens;
      if (this.#calls.length - i - 1 < requests && left + tokens <= most) return call.at + windowMs;
    }
    return Infinity;
  }
}
