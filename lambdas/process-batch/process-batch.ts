import { batchOf, isBatchDone, isCareful } from '../../shared/batch-state.ts';
import { NoSuchRecordError } from '../../shared/errors.ts';
import { isFailureThresholdSet } from '../../shared/failure-threshold.ts';
import { finishShard } from '../../shared/finish-shard.ts';
import { isHeld } from '../../shared/is-held.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import type { BatchMessage, DispatchMessage } from '../../shared/messages.ts';
import { countOrdinals, parseOrdinals } from '../../shared/ordinals.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';
import { readBatchItems } from '../../shared/shard-file.ts';
import { stopAboveThreshold } from '../../shared/stop-run.ts';
import { createUploadReader } from '../../shared/uploads.ts';
import type { BatchWork, Claimed, Delivery, ProcessPorts, WorkEnd } from './delivery.ts';
import { countPayable, waitForBudget } from './keep-to-budget.ts';
import { settleBatch } from './settle-batch.ts';
import { workCarefully } from './work-carefully.ts';
import { type Work, workItems } from './work-items.ts';

/** When a batch that can't be read is tried again. */
const GIVEN_BACK_FOR_MS = 30_000;
/** Of an item that failed with a retryable error, unless the run says otherwise. */
const DEFAULT_RETRIES = 3;

export type BatchEnd =
  /** Settled by this delivery. `unended`: processors that were told to end and have not. */
  | { readonly kind: 'settled'; readonly rows: number; readonly left: number; readonly unended: number }
  /** Another worker has it, or had it: nothing was done here. */
  | { readonly kind: 'not mine' }
  /** Nothing could be begun; it comes again. */
  | { readonly kind: 'given back' }
  /** The run is over, or paused. */
  | { readonly kind: 'no run' };

/**
 * Claims a batch, works on what is left of it, writes its parts, settles, and finishes what follows.
 * @throws NoSuchRecordError if there is no such run, shard or batch
 */
export async function processBatch(message: BatchMessage, delivery: Delivery, ports: ProcessPorts): Promise<BatchEnd> {
  const run = await ports.findRun(message.run);
  if (!run) throw new NoSuchRecordError(`expected a record of run ${message.run} in the ledger, found none`);
  if (isHeld(run)) return { kind: 'no run' };
  const { owner, deadline } = delivery;
  const claimedAt = ports.clock();
  const claim = await ports.ledger.claim({ ...message, owner, now: claimedAt, until: deadline + ports.leaseMarginMs });
  if (claim.kind === 'owned') return { kind: 'not mine' };
  if (claim.kind === 'settled') {
    await finish(message, claim.shard, { until: ports.clock() }, ports);
    return { kind: 'not mine' };
  }
  return workOnClaim({ message, delivery, run, claimedAt, shard: claim.shard }, ports);
}

async function workOnClaim(claimed: Claimed, ports: ProcessPorts): Promise<BatchEnd> {
  const { message, shard } = claimed;
  const payable = await countPayable(claimed, ports);
  const isShort = payable.items < countOrdinals(batchOf(shard, message.batch).l);
  const isAlone = isCareful(batchOf(shard, message.batch));
  if (payable.items === 0 || (isShort && isAlone)) return giveBack(claimed, await waitForBudget(claimed.run, payable, ports), ports);
  const batchWork = await readWork(claimed, ports);
  if (!batchWork) return giveBack(claimed, ports.clock() + GIVEN_BACK_FOR_MS, ports);
  const end = await (isAlone ? workCarefully(claimed, batchWork, ports) : workTogether(claimed, { ...batchWork, most: payable.items }, ports));
  if (!end) return { kind: 'not mine' };
  await finish(message, end.shard, describeWork(claimed, end, ports.clock()), ports);
  await stopIfTooManyFailed(claimed, end.shard, ports);
  return { kind: 'settled', rows: end.rows, left: parseOrdinals(batchOf(end.shard, message.batch).l).length, unended: end.unended };
}

/** @returns undefined if the items or the processor can't be had */
async function readWork({ message, delivery, run, shard }: Claimed, ports: ProcessPorts): Promise<BatchWork | undefined> {
  try {
    const { common, own } = splitOptions(run.options);
    const work: Work = {
      processor: ports.processorOf(run.processor),
      options: own,
      fetchPage: (request) => ports.fetchPage({ ...request, tenant: run.tenant }),
      callApi: (call, group) => ports.callApi(call, { tenant: run.tenant, ...(group !== undefined && { group }) }),
      limiter: ports.limiter,
      readUpload: createUploadReader(ports.uploads, run.tenant),
      clock: ports.clock,
      sleep: ports.sleep,
      random: ports.random,
      retries: common.retries ?? DEFAULT_RETRIES,
      startedAt: ports.clock(),
      stopAt: delivery.deadline - ports.closingMs,
    };
    return { items: await readBatchItems(ports.results, shard, message.batch), work };
  } catch (error) {
    ports.onError('batch given back', error);
    return undefined;
  }
}

/** A settlement without progress: the death that the claim noted was none. */
async function giveBack(claimed: Claimed, until: number, ports: ProcessPorts): Promise<BatchEnd> {
  const { message } = claimed;
  const shard = await settleBatch(claimed, { rows: [], left: parseOrdinals(batchOf(claimed.shard, message.batch).l) }, ports);
  if (!shard) return { kind: 'not mine' };
  await finish(message, shard, { until }, ports);
  return { kind: 'given back' };
}

/** All items of the batch, or as many as the run's budget pays, as many at once as the processor allows, and one settlement. */
async function workTogether(claimed: Claimed, { items, work, most }: BatchWork & { readonly most: number }, ports: ProcessPorts): Promise<WorkEnd | undefined> {
  const ordinals = parseOrdinals(batchOf(claimed.shard, claimed.message.batch).l);
  const { rows, left, held, unended } = await workItems(ordinals.slice(0, most).map((ordinal) => ({ ordinal, item: items[ordinal]! })), work);
  const shard = await settleBatch(claimed, { rows, left: [...left, ...ordinals.slice(most)] }, ports);
  return shard && { shard, held, rows: rows.length, unended };
}

type Report = Extract<DispatchMessage, { readonly type: 'report' }>;
type Figures = Pick<Report, 'until' | 'rows' | 'tookMs' | 'waitedMs' | 'heldBy'>;

/** What this delivery was like: the dispatcher learns from it what batches cost and how many workers there really are. */
const describeWork = ({ claimedAt, delivery: { sentAt } }: Claimed, { held, rows }: WorkEnd, now: number): Figures => ({
  until: held?.until ?? now,
  rows,
  tookMs: Math.max(0, now - claimedAt),
  ...(sentAt !== undefined && { waitedMs: Math.max(0, claimedAt - sentAt) }),
  ...(held?.limit !== undefined && { heldBy: held.limit }),
});

/** Everything after SETTLE may be repeated by anyone: report, then DONE, then the token. */
async function finish({ run, shard: n, batch }: BatchMessage, shard: ShardRecord, figures: Figures, ports: ProcessPorts): Promise<void> {
  const state = batchOf(shard, batch);
  const report: Report = { v: 1, type: 'report', run, shard: n, batch, q: state.q, isDone: isBatchDone(state), left: countOrdinals(state.l), ...figures };
  await ports.dispatchQueue.send(report, `report/${run}/${n}/${batch}/${state.q}`);
  await finishShard(shard, ports);
}

/** Sooner than the sweep would: a run whose every item fails is over in less than its minute. */
async function stopIfTooManyFailed({ run, delivery }: Claimed, shard: ShardRecord, ports: ProcessPorts): Promise<void> {
  if (shard.ko > 0 && hasFailureThreshold(run) && ports.isRecountDue(run.run)) await stopAboveThreshold(run.run, ports, delivery.deadline - ports.closingMs / 2);
}

const hasFailureThreshold = ({ options }: RunRecord): boolean => isFailureThresholdSet(splitOptions(options).common);
