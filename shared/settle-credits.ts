import type { Credits } from './ports.ts';
import type { RunRecord } from './records.ts';

/** Charges for the items that succeeded and gives the rest of the hold back; a repeat changes nothing. */
export async function settleCredits({ tenant, run, credits: { hold, perItem } = { hold: 0, perItem: 0 } }: RunRecord, succeeded: number, credits: Credits): Promise<void> {
  await credits.settle({ tenant, run, amount: hold, charge: Math.min(hold, succeeded * perItem) });
}
