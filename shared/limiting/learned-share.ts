/** How much of what was estimated is really used, learned for each key: calls ask for that much instead of the worst case. */
export class LearnedShare {
  readonly #shares = new Map<string, { mean: number; deviation: number }>();

  /** What to reserve for a call whose worst case is `most` units: an integer from 1 to `most`. */
  estimate(key: string, most: number): number {
    const known = this.#shares.get(key);
    const share = known ? known.mean + DEVIATIONS * known.deviation : 1;
    return Math.max(1, Math.min(most, Math.ceil(most * share)));
  }

  /** @param real of a call whose worst case was `most` units */
  learn(key: string, most: number, real: number): void {
    if (most <= 0) return;
    const share = Math.min(1, Math.max(0, real / most));
    const known = this.#shares.get(key);
    if (!known && this.#shares.size >= MAX_KEYS) this.#shares.clear();
    const error = known ? share - known.mean : 0;
    this.#shares.set(key, known ? { mean: known.mean + WEIGHT * error, deviation: known.deviation + WEIGHT * (Math.abs(error) - known.deviation) } : { mean: share, deviation: share / 2 });
  }
}

/** An exponentially weighted mean: of a change three quarters are learned in ten calls. */
const WEIGHT = 1 / 8;
const DEVIATIONS = 2;
const MAX_KEYS = 10_000;
