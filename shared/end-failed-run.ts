import { countRun, isPlanned, readAllShards } from './planned-run.ts';
import type { Credits } from './ports.ts';
import type { RunRecord } from './records.ts';
import { settleCredits } from './settle-credits.ts';
import { settleOpenBatches, type SettlePorts } from './settle-open-batches.ts';

export type EndPorts = SettlePorts & { readonly credits: Credits; readonly leaveRoom: (run: RunRecord) => Promise<void> };

/** What follows once the record says `failed`: open batches are settled `skipped`, credits are settled, off OPEN last. A repeat goes through all of it. */
export async function endFailedRun(run: RunRecord, ports: EndPorts, deadline = Infinity): Promise<void> {
  const { ledger, clock, credits, leaveRoom } = ports;
  if (isPlanned(run)) await settleOpenBatches(run, 'run failed', ports, deadline);
  if (clock() >= deadline) return;
  const succeeded = isPlanned(run) ? countRun(run, await readAllShards(ledger, run)).succeeded : 0;
  await settleCredits(run, succeeded, credits);
  await leaveRoom(run);
  await ledger.takeOffOpen(run.run);
}
