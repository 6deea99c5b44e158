import { splitOptions } from './manifest/common-options.ts';
import type { PlannedRun } from './records.ts';

type Priced = Pick<PlannedRun, 'credits' | 'options' | 'totals'>;

/**
 * What a planned run reserves: its items without the duplicates, each at its price, at most its budget. It follows from what is frozen, so every
 * reader comes to the same amount, at whatever point another one died.
 */
export function creditsNeeded({ credits, options, totals }: Priced): number {
  const { budgetCredits = Infinity } = splitOptions(options).common;
  return Math.min(budgetCredits, (totals.items - totals.duplicates) * (credits?.perItem ?? 0));
}
