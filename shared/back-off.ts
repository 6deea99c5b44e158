/** How long to wait before the next try; bounds are included. */
export interface BackOff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * Exponential back-off with full jitter: anything from 0 to `base * 2^(tries - 1)`, at most the cap
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 * @param tries tries made so far, from 1
 * @param random from 0 (included) to 1
 */
export const fullJitterMs = (tries: number, { baseMs, capMs }: BackOff, random: number): number => Math.floor(random * Math.min(capMs, baseMs * 2 ** (tries - 1)));
