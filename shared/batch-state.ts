import { NoSuchRecordError } from './errors.ts';
import type { BatchState, ShardRecord } from './records.ts';
import { allOrdinals } from './ordinals.ts';

/** Pure rules over the ledger's records. */

/** From this claim without a settlement on, a batch is worked on one item at a time. */
export const CAREFUL_CLAIMS = 3;
/** Workers that may die at an item while it runs alone, before it gets the blame. */
export const POISON_DEATHS = 2;

export interface Lease {
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** A batch of `count` items that nobody has touched. */
export const freshBatch = (count: number): BatchState => ({ q: 0, l: allOrdinals(count), h: '-', a: 0, u: 0, o: '-', m: '-', d: -1, dn: 0 });

export const isBatchDone = (batch: BatchState): boolean => batch.l === '';
export const isLeased = (batch: BatchState, now: number): boolean => batch.u > now;
/** Also while an item is marked that a worker died at: the others must not be begun again beside it. */
export const isCareful = (batch: BatchState): boolean => batch.a >= CAREFUL_CLAIMS || batch.d >= 0;
export const isPoisoned = (batch: BatchState): boolean => batch.d >= 0 && batch.dn >= POISON_DEATHS;
export const isShardDone = (shard: ShardRecord): boolean => shard.nd >= shard.n;

/** The batch after a settlement of `q`: deaths are forgotten, and the lease is given back unless its owner keeps it to go on. */
export const settledBatch = (q: number, settlement: { left: string; part: string; message: string; lease?: Lease }): BatchState => ({
  q: q + 1,
  l: settlement.left,
  h: settlement.part,
  a: 0,
  u: settlement.lease?.until ?? 0,
  o: settlement.lease?.owner ?? '-',
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
