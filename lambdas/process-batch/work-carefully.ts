import { batchOf, isPoisoned, POISON_DEATHS } from '../../shared/batch-state.ts';
import { parseOrdinals } from '../../shared/ordinals.ts';
import { identityOf, type PlannedItem, type ResultRow } from '../../shared/rows.ts';
import type { BatchWork, Claimed, ProcessPorts, WorkEnd } from './delivery.ts';
import { settleBatch } from './settle-batch.ts';
import { firstOf, type Holding, type Work, workItems } from './work-items.ts';

/**
 * One item at a time: mark it, run it, settle it, keeping the lease. A worker that dies leaves the mark, so the item that it died at is known;
 * what POISON_DEATHS workers died at while it ran alone is not run again.
 * @returns undefined when the batch was taken away
 */
export async function workCarefully(claimed: Claimed, { items, work }: BatchWork, ports: ProcessPorts): Promise<WorkEnd | undefined> {
  const hand = new CarefulHand(claimed, ports);
  const { d, ...batch } = hand.batch;
  if (isPoisoned({ d, ...batch }) && !(await hand.settle([poisonRow(items[d]!, work)]))) return undefined;
  let held: Holding | undefined;
  let unended = 0;
  for (const ordinal of hand.left()) {
    if (work.clock() >= work.stopAt || unended > 0) break;
    if (!(await hand.mark(ordinal))) return undefined;
    const outcome = await workItems([{ ordinal, item: items[ordinal]! }], work);
    unended += outcome.unended;
    held = firstOf(held, outcome.held);
    // A mark on an item that was held back goes with the next mark or settlement: only a death counts it.
    if (outcome.rows.length > 0 && !(await hand.settle(outcome.rows, ordinal))) return undefined;
  }
  // Gives the lease and the mark back.
  if (hand.left().length > 0 && !(await hand.giveBack())) return undefined;
  return { shard: hand.claimed.shard, held, rows: hand.rows, unended };
}

/** The batch as this delivery's last settlement left it. */
class CarefulHand {
  claimed: Claimed;
  rows = 0;
  readonly #ports: ProcessPorts;

  constructor(claimed: Claimed, ports: ProcessPorts) {
    this.claimed = claimed;
    this.#ports = ports;
  }

  get batch() {
    return batchOf(this.claimed.shard, this.claimed.message.batch);
  }

  left(): number[] {
    return parseOrdinals(this.batch.l);
  }

  async mark(ordinal: number): Promise<boolean> {
    const { message: { run, shard, batch }, delivery: { owner } } = this.claimed;
    const { q, d, dn } = this.batch;
    const times = d === ordinal ? dn + 1 : 1;
    return (await this.#ports.ledger.mark({ run, shard, batch, q, owner, ordinal, times })) === 'marked';
  }

  /** @param ordinal the item that the row is of; by default the marked one */
  async settle(rows: readonly ResultRow[], ordinal = this.batch.d): Promise<boolean> {
    const left = this.left().filter((other) => other !== ordinal);
    this.rows += rows.length;
    return this.#take(await settleBatch(this.claimed, { rows, left, keepsLease: left.length > 0 }, this.#ports));
  }

  async giveBack(): Promise<boolean> {
    return this.#take(await settleBatch(this.claimed, { rows: [], left: this.left() }, this.#ports));
  }

  #take(shard: Claimed['shard'] | undefined): boolean {
    if (shard) this.claimed = { ...this.claimed, shard };
    return shard !== undefined;
  }
}

function poisonRow(item: PlannedItem, { clock }: Work): ResultRow {
  const message = `expected the item to end, but ${POISON_DEATHS} workers died at it while it ran alone`;
  const error = { name: 'PoisonItemError', message, retryable: false };
  return { ...identityOf(item), verdict: 'failed', error, attempts: POISON_DEATHS, startedAt: new Date(clock()).toISOString(), durationMs: 0 };
}
