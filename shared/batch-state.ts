import { NoSuchRecordError } from './errors.ts';
import type { BatchState, ShardRecord } from './records.ts';
import { allOrdinals } from './ordinals.ts';

/** Pure rules over the ledger's records. */

/** Margin between a worker's time-out and the end of its lease: clocks differ, and a thread takes a moment to die. */
export const LEASE_MARGIN_MS = 10_000;

/** A batch of `count` items that nobody has touched. */
export const freshBatch = (count: number): BatchState => ({ q: 0, l: allOrdinals(count), h: '-', a: 0, u: 0, o: '-', m: '-', d: -1, dn: 0 });

export const isBatchDone = (batch: BatchState): boolean => batch.l === '';
export const isLeased = (batch: BatchState, now: number): boolean => batch.u > now;
export const isShardDone = (shard: ShardRecord): boolean => shard.nd >= shard.n;

/** The batch after a settlement of `q`: the lease is given back, deaths are forgotten. */
export const settledBatch = (q: number, settlement: { left: string; part: string; message: string }): BatchState => ({
  q: q + 1,
  l: settlement.left,
  h: settlement.part,
  a: 0,
  u: 0,
  o: '-',
  m: settlement.message,
  d: -1,
  dn: 0,
});

/** @throws NoSuchRecordError if the shard has no such batch: the message does not belong to this record */
export function batchOf(shard: ShardRecord, batch: number): BatchState {
  const state = shard.b[batch];
  if (!state) throw new NoSuchRecordError(`expected a batch from 0 to ${shard.n - 1} of shard ${shard.run}/${shard.shard}, got ${batch}`);
  return state;
}
