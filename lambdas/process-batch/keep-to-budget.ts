import { creditsNeeded } from '../../shared/credits-needed.ts';
import { countOrdinals } from '../../shared/ordinals.ts';
import { isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { PlannedRun, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { Claimed, ProcessPorts } from './delivery.ts';

/** What a claimed batch may do of its run's budget. */
export interface Payable {
  /** Items that may be begun. */
  readonly items: number;
  /** Every item that the budget pays has succeeded already. */
  readonly isSpent: boolean;
}

/** A place that two batches gave up to each other is asked for again at different times. */
const ASK_AGAIN_MS = 5_000;

/**
 * Items of the claimed batch that the run's hold still pays. Exact without a counter: every worker reads all shards after its own claim, so of two
 * that are at work at once the later reader sees the other's; what is leased counts as if it would succeed.
 */
export async function countPayable({ run, message }: Claimed, { ledger }: Pick<ProcessPorts, 'ledger'>): Promise<Payable> {
  const paid = isPlanned(run) ? itemsPaid(run) : Infinity;
  if (!isPlanned(run) || paid === Infinity) return { items: Infinity, isSpent: false };
  const shards = await readAllShards(ledger, run);
  const succeeded = shards.reduce((sum, { ok }) => sum + ok, 0);
  const inWork = shards.reduce((sum, shard) => sum + itemsInWork(shard, shard.shard === message.shard ? message.batch : undefined), 0);
  return { items: Math.max(0, paid - succeeded - inWork), isSpent: succeeded >= paid };
}

/** The run has spent its budget: it is paused for a person to see. Others may have taken the rest for a while: the batch asks again. @returns when, milliseconds since the epoch */
export async function waitForBudget({ run }: RunRecord, { isSpent }: Payable, { ledger, dispatchQueue, clock, random, newOwner }: ProcessPorts): Promise<number> {
  if (isSpent) {
    await ledger.setPaused(run, true, 'budget');
    await dispatchQueue.send({ v: 1, type: 'heal', run }, `heal/${newOwner()}`);
  }
  return clock() + Math.ceil(ASK_AGAIN_MS * (1 + 3 * random()));
}

/** Infinity: all of them. */
function itemsPaid(run: PlannedRun): number {
  const perItem = run.credits?.perItem ?? 0;
  const held = creditsNeeded(run);
  return held >= perItem * (run.totals.items - run.totals.duplicates) ? Infinity : Math.floor(held / perItem);
}

/** A lease whose time is over counts, too: its batch is claimed anew before anything of it is settled. */
const itemsInWork = ({ b }: ShardRecord, own: number | undefined): number =>
  Object.entries(b).reduce((sum, [batch, { o, l }]) => sum + (o === '-' || Number(batch) === own ? 0 : countOrdinals(l)), 0);
