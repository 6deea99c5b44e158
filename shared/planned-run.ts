import { isShardDone } from './batch-state.ts';
import { RecountError } from './errors.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { type Chain, walkChain } from './parts.ts';
import type { ObjectStore, RunLedger } from './ports.ts';
import type { PlannedRun, RunRecord, ShardRecord } from './records.ts';
import type { Counts } from './rows.ts';

/** Rules over a planned run and all its shard records. */

/** Chains walked at once. */
const WALKS_AT_ONCE = 16;

export const isPlanned = (run: RunRecord | undefined): run is PlannedRun => run?.plan !== undefined && run.totals !== undefined;

/** @throws RecountError if there is no such run, or no plan of it */
export async function readPlannedRun(ledger: RunLedger, runId: string): Promise<PlannedRun> {
  const run = await ledger.readRun(runId);
  if (!isPlanned(run)) throw new RecountError(`expected a planned run ${runId}, found ${run ? 'one without a plan' : 'none'}`);
  return run;
}

/** Every shard record of the run. Shards whose record is not there (yet) are left out. */
export const readAllShards = (ledger: Pick<RunLedger, 'readShards'>, run: PlannedRun): Promise<ShardRecord[]> =>
  ledger.readShards(run.run, Array.from({ length: run.totals.shards }, (_, n) => n));

/** `succeeded + failed + skipped + pending = total` by construction; duplicates are skipped from the start. */
export function countRun(run: PlannedRun, shards: readonly ShardRecord[]): Counts {
  const sum = (pick: (shard: ShardRecord) => number) => shards.reduce((total, shard) => total + pick(shard), 0);
  const succeeded = sum(({ ok }) => ok);
  const failed = sum(({ ko }) => ko);
  const skipped = sum(({ sk }) => sk) + run.totals.duplicates;
  return { succeeded, failed, skipped, pending: run.totals.items - succeeded - failed - skipped, total: run.totals.items };
}

/**
 * The settled parts of every batch, by shard and batch.
 * @throws RecountError if a shard is missing or not done
 */
export async function walkAllChains(store: ObjectStore, run: PlannedRun, shards: readonly ShardRecord[]): Promise<Chain[]> {
  const open = shards.filter((shard) => !isShardDone(shard));
  if (shards.length !== run.totals.shards || open.length > 0) {
    throw new RecountError(`expected ${run.totals.shards} finished shards of run ${run.run}, found ${shards.length - open.length}`);
  }
  const batches = shards.flatMap((shard) => Array.from({ length: shard.n }, (_, batch) => ({ shard, batch })));
  return mapConcurrently(batches, WALKS_AT_ONCE, ({ shard, batch }) => walkChain(store, run, shard, batch));
}
