import type { createLeaseEnder } from '../shared/aws/dead-leases.ts';
import { isPlanned, readAllShards } from '../shared/planned-run.ts';
import { emptyLanes } from '../shared/lanes.ts';
import type { Executions, LaneStore, RunLedger } from '../shared/ports.ts';
import type { ShardRecord } from '../shared/records.ts';

/** What a stack that starts on a data folder does for the runs that an earlier process left open. */

/**
 * Before anything works: whoever holds the folder's lock knows that every worker of the process before is dead. Their batches need not wait for
 * the end of their leases, which is minutes away.
 */
export async function endDeadLeases(ledger: RunLedger, endLease: ReturnType<typeof createLeaseEnder>): Promise<void> {
  for (const { run } of await ledger.listOpen()) {
    const record = await ledger.readRun(run);
    if (!isPlanned(record)) continue;
    for (const shard of await readAllShards(ledger, record)) await Promise.all(leasesOf(shard).map((lease) => endLease(lease)));
  }
}

/**
 * Before anything works: a batch whose slot was taken, and whose message was not sent any more, would wait minutes for being missed. Without
 * slots every batch that is open is sent again; one whose message is still there comes twice, which costs a claim.
 */
export async function forgetSlots(lanes: LaneStore, newStamp: () => string): Promise<void> {
  const before = await lanes.read();
  if (before) await lanes.write(before.stamp, { stamp: newStamp(), state: emptyLanes() });
}

const leasesOf = ({ run, shard, b }: ShardRecord) =>
  Object.entries(b).flatMap(([batch, { q, u, o }]) => (u > 0 ? [{ run, shard, batch: Number(batch), q, owner: o }] : []));

/** State machines end with their process: starting one again under its name goes on where the ledger stands. */
export async function resumeOpenRuns(ledger: RunLedger, executions: Executions, note: (line: string) => void): Promise<void> {
  for (const { run } of await ledger.listOpen()) {
    const record = await ledger.readRun(run);
    // What has not been started is admitted again: by its event, or by the sweep.
    if (!record?.started) continue;
    note(`going on with run ${run}`);
    // The tokens of the execution that is gone count no more, whatever attempt they were of.
    await ledger.restart(run, record.execution);
    await executions.start(record.execution, { v: 1, run });
  }
}
