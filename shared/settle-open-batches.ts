import { batchOf, isBatchDone, isShardDone } from './batch-state.ts';
import { mapConcurrently } from './map-concurrently.ts';
import { readBatchItems } from './shard-file.ts';
import { parseOrdinals } from './ordinals.ts';
import { writePart } from './parts.ts';
import { readAllShards } from './planned-run.ts';
import type { Clock, ObjectStore, RunLedger } from './ports.ts';
import type { PlannedRun, ShardRecord } from './records.ts';
import { identityOf, type ResultRow } from './rows.ts';

export interface SettlePorts {
  readonly ledger: RunLedger;
  readonly results: ObjectStore;
  readonly clock: Clock;
  readonly newOwner: () => string;
}

/** Shards settled beside each other. */
const SHARDS_AT_ONCE = 8;
/** Of one shard: its record takes some 1,000 writes of this size a second. */
const BATCHES_AT_ONCE = 4;

/**
 * Gives every item that has no verdict yet `skipped` with this reason. The run's state must say that it is over before.
 * Nothing is begun after `deadline` (milliseconds since the epoch): a repeat goes on from there.
 */
export async function settleOpenBatches(run: PlannedRun, reason: string, ports: SettlePorts, deadline = Infinity): Promise<void> {
  await mapConcurrently(await readAllShards(ports.ledger, run), SHARDS_AT_ONCE, async (shard) => {
    const batches = Array.from({ length: shard.n }, (_, batch) => batch);
    const ends = await mapConcurrently(batches, BATCHES_AT_ONCE, async (batch) => (ports.clock() < deadline ? skipBatch(run, shard, { batch, reason }, ports) : shard));
    // Whoever comes last sees the shard done, whether it settled or was beaten.
    if (ends.some(isShardDone)) await ports.ledger.addDone(run.run, shard.shard);
  });
}

/** Beaten by a worker, it reads and tries again. */
async function skipBatch(run: PlannedRun, known: ShardRecord, { batch, reason }: { batch: number; reason: string }, ports: SettlePorts): Promise<ShardRecord> {
  let shard = known;
  while (!isBatchDone(batchOf(shard, batch))) {
    const { q, l } = batchOf(shard, batch);
    const rows = await skippedRows(run, shard, { batch, ordinals: parseOrdinals(l), reason }, ports);
    const owner = ports.newOwner();
    const part = await writePart(ports.results, shard, { batch, owner }, rows);
    const counts = { ok: 0, ko: 0, sk: rows.length };
    const answer = await ports.ledger.settle({ run: run.run, shard: shard.shard, batch, q, left: '', part, message: owner, counts });
    shard = answer.shard;
  }
  return shard;
}

async function skippedRows(
  run: PlannedRun,
  shard: ShardRecord,
  { batch, ordinals, reason }: { batch: number; ordinals: readonly number[]; reason: string },
  { results, clock }: SettlePorts,
): Promise<ResultRow[]> {
  const items = await readBatchItems(results, shard, batch);
  const startedAt = new Date(clock()).toISOString();
  return ordinals.map((ordinal) => ({ ...identityOf(items[ordinal]!), verdict: 'skipped', reason, attempts: 0, startedAt, durationMs: 0 }));
}
