/** How much of what was estimated is really used, learned for each kind of call: the next ones ask for that much instead of the worst case. */
export class LearnedShare {
  readonly #shares = new Map<string, { mean: number; deviation: number }>();
  readonly #highest: number;

  /** @param highest share that can be: above 1 where what is estimated is no bound */
  constructor(highest = 1) {
    this.#highest = highest;
  }

  /** What to reserve for a call that was estimated at `units`: an integer, 0 only for 0. Before anything is learned all of it. */
  estimate(kind: string, units: number): number {
    const known = this.#shares.get(kind);
    const share = known ? Math.min(this.#highest, known.mean + DEVIATIONS * known.deviation) : 1;
    return units <= 0 ? 0 : Math.max(1, Math.ceil(units * share));
  }

  /** @param real of a call that was estimated at `units` */
  learn(kind: string, units: number, real: number): void {
    if (units <= 0) return;
    const share = Math.min(this.#highest, Math.max(0, real / units));
    const known = this.#shares.get(kind);
    if (!known && this.#shares.size >= MAX_KINDS) this.#shares.clear();
    const error = known ? share - known.mean : 0;
    this.#shares.set(kind, known ? { mean: known.mean + WEIGHT * error, deviation: known.deviation + WEIGHT * (Math.abs(error) - known.deviation) } : { mean: share, deviation: Math.abs(1 - share) / 2 });
  }
}

/** An exponentially weighted mean: of a change three quarters are learned in ten calls. */
const WEIGHT = 1 / 8;
const DEVIATIONS = 2;
const MAX_KINDS = 10_000;
