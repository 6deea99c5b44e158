import { isBatchDone, isLeased } from './batch-state.ts';
import { materialise } from './fairness/class-queue.ts';
import type { LaneEntry, LaneRun, LaneState, Resend } from './lane-state.ts';
import { ready, shardsOf } from './lanes.ts';
import { countOrdinals } from './ordinals.ts';
import type { BatchState, ShardRecord } from './records.ts';

/** What the ledger says beats what the lanes hold. */

/** `resendAfterMs`: a slot that is taken longer is compared with the ledger, and its batch sent again if nobody has it. */
export interface HealTime {
  readonly now: number;
  readonly resendAfterMs: number;
}

const isDrift = ({ again }: LaneEntry & { readonly s: 'flight' }, { u }: BatchState): boolean => u > 0 || again === true;

/** Compares an open shard with the ledger. Batches whose slot is taken too long by nobody are answered: they must be sent again. */
export function healShard(run: LaneRun, record: ShardRecord, { now, resendAfterMs }: HealTime): Resend[] {
  const shard = run.shards[record.shard];
  if (!shard) return [];
  const resend: Resend[] = [];
  for (const [k, batch] of Object.entries(record.b)) {
    const isUntouched = batch.q === 0 && batch.u === 0;
    if (Number(k) >= shard.next && isUntouched) continue;
    materialise(shard, Number(k) + 1);
    const entry = shard.e[k];
    if (isBatchDone(batch)) delete shard.e[k];
    else if (!entry || entry.s !== 'flight') shard.e[k] = isLeased(batch, now) ? flight(batch.q, now) : atLedgerQ(entry, batch);
    else if (isLeased(batch, now)) shard.e[k] = stayed(entry, batch.q);
    else if (run.isHeld || (batch.q > entry.q && batch.u === 0)) shard.e[k] = ready(batch.q, countOrdinals(batch.l));
    else if (entry.since + resendAfterMs <= now) {
      shard.e[k] = { ...flight(batch.q, now), again: true, i: countOrdinals(batch.l) };
      resend.push({ workerClass: run.workerClass, run: run.run, shard: record.shard, batch: Number(k), q: batch.q, isDrift: isDrift(entry, batch) });
    }
  }
  return resend;
}

/** With what it was charged; `again` is over, because somebody came. */
const stayed = ({ since, c }: LaneEntry & { readonly s: 'flight' }, q: number): LaneEntry => ({ ...flight(q, since), ...(c !== undefined && { c }) });

const flight = (q: number, since: number): LaneEntry & { readonly s: 'flight' } => ({ s: 'flight', q, since });

/** A deferral that the ledger has moved past is over. */
const atLedgerQ = (entry: LaneEntry | undefined, { q, l }: BatchState): LaneEntry => (entry?.s === 'wait' && entry.q === q ? entry : ready(q, countOrdinals(l)));


/** Shards with a slot that is taken too long, of every run: what a healing message makes the dispatcher read. */
export function slowShards(state: LaneState, { now, resendAfterMs }: HealTime): { run: string; shard: number }[] {
  const isSlow = (entry: LaneEntry) => entry.s === 'flight' && entry.since + resendAfterMs <= now;
  return shardsOf(state)
    .filter(({ shard }) => Object.values(shard.e).some(isSlow))
    .map(({ run, n }) => ({ run: run.run, shard: n }));
}
