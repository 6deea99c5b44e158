import { ManifestRefusedError } from './errors.ts';
import type { Credits, RunLedger } from './ports.ts';
import type { RunRecord } from './records.ts';
import { settleCredits } from './settle-credits.ts';

interface Ports {
  readonly ledger: Pick<RunLedger, 'markEnded'>;
  readonly credits: Credits;
}

/** Reserves what the run may cost. @throws ManifestRefusedError if the tenant has less */
export async function holdCredits({ tenant, run, credits = { hold: 0, perItem: 0 } }: RunRecord, { credits: table }: Pick<Ports, 'credits'>): Promise<void> {
  if ((await table.hold({ tenant, run, amount: credits.hold })) === 'held') return;
  throw new ManifestRefusedError(`expected at least ${credits.hold} credits of tenant ${tenant} for this run, the balance is lower: add credits and upload the manifest again`);
}

/**
 * A run that was admitted before it was refused has a record, and stays on OPEN: another delivery of its event may be about to take a hold, which
 * the sweep gives back when no such delivery can be alive any more.
 */
export async function endRefusedRun(refused: RunRecord, { ledger, credits }: Ports): Promise<void> {
  const { run, error = 'refused', finishedAt = refused.createdAt } = refused;
  const record = await ledger.markEnded(run, { state: 'failed', finishedAt, error });
  await settleCredits(record, 0, credits);
}
