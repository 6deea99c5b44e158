import { isShardDone } from './batch-state.ts';
import type { RunLedger, TaskAnswers } from './ports.ts';
import type { ShardRecord } from './records.ts';

/** What follows a settlement. Anyone may repeat it at any time: whoever comes later finishes what is missing. */

interface Ports {
  readonly ledger: RunLedger;
  readonly taskAnswers: TaskAnswers;
}

/** Notes a shard whose last batch is settled; the last shard of a run answers the token that the run waits with. */
export async function finishShard(shard: ShardRecord, ports: Ports): Promise<void> {
  if (!isShardDone(shard)) return;
  const done = await ports.ledger.addDone(shard.run, shard.shard);
  await acknowledgeRun(shard.run, done, ports);
}

/**
 * Answers the run's token if `done` holds all its shards. DONE is read before the token is; await-run stores the token before it
 * reads DONE: one of the two sees the other.
 */
export async function acknowledgeRun(runId: string, done: ReadonlySet<number>, { ledger, taskAnswers }: Ports): Promise<void> {
  const run = await ledger.readRun(runId);
  // Missing totals are not zero shards: such a run is not planned yet.
  if (!run?.token || run.acked === run.token || !run.totals || done.size < run.totals.shards) return;
  await taskAnswers.succeedTask(run.token, { v: 1, run: runId });
  await ledger.markAcked(runId, run.token);
}
