import { MAX_BATCH_ITEMS } from './manifest/limits.ts';

/**
 * A batch should take about so long: longer ones keep a small run waiting behind them and cost more when a worker dies, shorter ones cost more
 * calls an item. A sixth of a worker's time, so that a guess that is wrong by several times still ends in one delivery.
 */
export const TARGET_BATCH_MS = 20_000;

export interface BatchSizeInput {
  /** The run's option; it beats what was learned. */
  readonly asked: number | undefined;
  /** The processor's, for a tenant of whom nothing is known. */
  readonly usual: number;
  /** Milliseconds of a worker that an item of this tenant and processor took before. */
  readonly msPerItem: number | undefined;
  /** The tenant's bound for one group in a round: a larger batch would be one that never fits. */
  readonly maxPerGroupRound: number | undefined;
}

/** Items of a batch, from 1 to 1,000. */
export function chooseBatchSize({ asked, usual, msPerItem, maxPerGroupRound = MAX_BATCH_ITEMS }: BatchSizeInput): number {
  const learned = msPerItem === undefined || !(msPerItem > 0) ? usual : Math.round(TARGET_BATCH_MS / msPerItem);
  return Math.max(1, Math.min(asked ?? learned, maxPerGroupRound, MAX_BATCH_ITEMS));
}
