import type { Processor } from '../../processors/processor.ts';
import { batchOf, isBatchDone, LEASE_MARGIN_MS } from '../../shared/batch-state.ts';
import { NoSuchRecordError } from '../../shared/errors.ts';
import { finishShard } from '../../shared/finish-shard.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import type { BatchMessage } from '../../shared/messages.ts';
import { formatOrdinals, parseOrdinals } from '../../shared/ordinals.ts';
import { writePart } from '../../shared/parts.ts';
import { readBatchItems } from '../../shared/shard-file.ts';
import type { Clock, DispatchQueue, ObjectStore, RunLedger, TaskAnswers } from '../../shared/ports.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';
import type { ResultRow } from '../../shared/rows.ts';
import { type WorkOutcome, workItems } from './work-items.ts';

export interface ProcessPorts {
  readonly ledger: RunLedger;
  /** May know an open run from a moment ago. */
  readonly findRun: RunLedger['readRun'];
  readonly results: ObjectStore;
  readonly dispatchQueue: DispatchQueue;
  readonly taskAnswers: TaskAnswers;
  readonly processorOf: (name: string) => Processor;
  readonly fetchPage: PageFetcher;
  readonly clock: Clock;
}

/** One delivery of a message to one worker. */
export interface Delivery {
  /** Unique to this invocation. */
  readonly owner: string;
  readonly messageId: string;
  /** When the worker is ended, milliseconds since the epoch. */
  readonly deadline: number;
}

/** Time kept for writing the part, settling and reporting. */
const CLOSING_MS = 10_000;

export type BatchEnd =
  /** Settled by this delivery. */
  | { readonly kind: 'settled'; readonly rows: number; readonly left: number }
  /** Another worker has it, or had it: nothing was done here. */
  | { readonly kind: 'not mine' }
  /** The run is over. */
  | { readonly kind: 'no run' };

/**
 * Claims a batch, works on what is left of it, writes one part, settles, and finishes what follows.
 * @throws NoSuchRecordError if there is no such run, shard or batch
 */
export async function processBatch(message: BatchMessage, delivery: Delivery, ports: ProcessPorts): Promise<BatchEnd> {
  const run = await ports.findRun(message.run);
  if (!run) throw new NoSuchRecordError(`expected a record of run ${message.run} in the ledger, found none`);
  if (run.state !== 'open') return { kind: 'no run' };
  const { owner, deadline } = delivery;
  const claim = await ports.ledger.claim({ ...message, owner, now: ports.clock(), until: deadline + LEASE_MARGIN_MS });
  if (claim.kind === 'owned') return { kind: 'not mine' };
  if (claim.kind === 'settled') {
    await finish(message, claim.shard, ports.clock(), ports);
    return { kind: 'not mine' };
  }
  return workOnClaim({ message, delivery, run, shard: claim.shard }, ports);
}

/** A batch in the hands of one delivery. */
interface Claimed {
  readonly message: BatchMessage;
  readonly delivery: Delivery;
  readonly run: RunRecord;
  readonly shard: ShardRecord;
}

async function workOnClaim(claimed: Claimed, ports: ProcessPorts): Promise<BatchEnd> {
  const { message, delivery, run } = claimed;
  const items = await readBatchItems(ports.results, claimed.shard, message.batch);
  const ordinals = parseOrdinals(batchOf(claimed.shard, message.batch).l);
  const outcome = await workItems(ordinals.map((ordinal) => ({ ordinal, item: items[ordinal]! })), {
    processor: ports.processorOf(run.processor),
    options: run.options,
    fetchPage: ports.fetchPage,
    clock: ports.clock,
    stopAt: delivery.deadline - CLOSING_MS,
  });
  const shard = await settle(claimed, outcome, ports);
  if (!shard) return { kind: 'not mine' };
  await finish(message, shard, outcome.heldUntil ?? ports.clock(), ports);
  return { kind: 'settled', rows: outcome.rows.length, left: outcome.left.length };
}

/** Part first, then SETTLE. @returns the shard afterwards, or undefined if another settlement was first */
async function settle({ message, delivery, ...claimed }: Claimed, { rows, left }: WorkOutcome, ports: ProcessPorts) {
  const part = await writePart(ports.results, claimed.shard, { batch: message.batch, owner: delivery.owner }, rows);
  const answer = await ports.ledger.settle({
    ...message,
    owner: delivery.owner,
    left: formatOrdinals(left),
    part,
    message: delivery.messageId,
    counts: countVerdicts(rows),
  });
  return answer.kind === 'settled' ? answer.shard : undefined;
}

function countVerdicts(rows: readonly ResultRow[]): { ok: number; ko: number; sk: number } {
  const counts = { ok: 0, ko: 0, sk: 0 };
  const names = { succeeded: 'ok', failed: 'ko', skipped: 'sk' } as const;
  for (const row of rows) counts[names[row.verdict]]++;
  return counts;
}

/** Everything after SETTLE may be repeated by anyone: report, then DONE, then the token. */
async function finish({ run, shard: n, batch }: BatchMessage, shard: ShardRecord, until: number, ports: ProcessPorts): Promise<void> {
  const state = batchOf(shard, batch);
  const report = { v: 1, type: 'report', run, shard: n, batch, q: state.q, isDone: isBatchDone(state), until } as const;
  await ports.dispatchQueue.send(report, `report/${run}/${n}/${batch}/${state.q}`);
  await finishShard(shard, ports);
}
