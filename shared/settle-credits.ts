import type { Credits } from './ports.ts';
import type { RunRecord } from './records.ts';

/** Charges for the items that succeeded and gives the rest of the hold back; a repeat changes nothing. A run that held nothing can't hold any more. */
export async function settleCredits({ tenant, run, credits }: RunRecord, succeeded: number, table: Pick<Credits, 'settle'>): Promise<void> {
  if (credits) await table.settle({ tenant, run, charge: succeeded * credits.perItem });
}
