export interface WaitInput {
  /** What comes before. */
  readonly itemsAhead: number;
  /** What was observed of the tenant, its share of the capacity included; undefined or 0: nothing yet. */
  readonly itemsPerSecond: number | undefined;
  /** Most items a second that limits on the tenant's work allow. @default no bound */
  readonly limitPerSecond?: number;
}

const MAX_SECONDS = 7 * 86_400;

/** Whole seconds until what is ahead is done, 1 to 604,800; undefined if nothing is known to reckon with. */
export function estimateWaitSeconds({ itemsAhead, itemsPerSecond = 0, limitPerSecond = Infinity }: WaitInput): number | undefined {
  const rate = Math.min(itemsPerSecond > 0 ? itemsPerSecond : Infinity, limitPerSecond);
  if (rate === Infinity) return undefined;
  return Math.min(MAX_SECONDS, Math.max(1, Math.ceil(itemsAhead / rate)));
}

export interface RateInput {
  /** Items that had left by then, and when that was, milliseconds since the epoch; undefined: never looked. */
  readonly before: { readonly gone: number; readonly at: number } | undefined;
  readonly gone: number;
  readonly now: number;
  /** The average so far. */
  readonly itemsPerSecond: number | undefined;
}

/** Of the newest measurement; the rest is the past, so that one idle minute does not make the estimate endless. */
const NEWEST = 0.5;

/** Items a second, averaged over the last minutes; undefined until two looks at different times. */
export function measureRate({ before, gone, now, itemsPerSecond }: RateInput): number | undefined {
  if (!before || now <= before.at) return itemsPerSecond;
  const newest = (1000 * (gone - before.gone)) / (now - before.at);
  return itemsPerSecond === undefined ? newest : NEWEST * newest + (1 - NEWEST) * itemsPerSecond;
}
