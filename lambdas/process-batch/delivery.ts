import type { Processor } from '../../processors/processor.ts';
import type { ApiAnswer, ApiCall } from '../../shared/api-call.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import type { Limiter } from '../../shared/limiter.ts';
import type { Caller } from '../../shared/limiting/api-caller.ts';
import type { BatchMessage } from '../../shared/messages.ts';
import type { Clock, DispatchQueue, ObjectStore, RunLedger, Sleep, TaskAnswers } from '../../shared/ports.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';
import type { PlannedItem } from '../../shared/rows.ts';
import type { Holding, Work } from './work-items.ts';

export interface ProcessPorts {
  readonly ledger: RunLedger;
  /** May know an open run from a moment ago. */
  readonly findRun: RunLedger['readRun'];
  readonly results: ObjectStore;
  readonly dispatchQueue: DispatchQueue;
  readonly taskAnswers: TaskAnswers;
  readonly processorOf: (name: string) => Processor;
  readonly fetchPage: PageFetcher;
  readonly callApi: (call: ApiCall, caller: Caller) => Promise<ApiAnswer>;
  readonly limiter: Limiter;
  /** Undefined: this worker class may read no uploads. */
  readonly uploads: ObjectStore | undefined;
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** From 0 (included) to 1. */
  readonly random: () => number;
  readonly newOwner: () => string;
  /** Between the worker's time-out and the end of its lease. */
  readonly leaseMarginMs: number;
  /** Kept for writing the part, settling and reporting. */
  readonly closingMs: number;
  /** Whether a look at all shards of the run is due: it costs a read a shard. */
  readonly isRecountDue: (run: string) => boolean;
  readonly onError: (message: string, error: unknown) => void;
}

/** One delivery of a message to one worker. */
export interface Delivery {
  /** Unique to this invocation. */
  readonly owner: string;
  readonly messageId: string;
  /** When its message was sent, milliseconds since the epoch, by the queue's clock; undefined: not known. */
  readonly sentAt?: number;
  /** When the worker is ended, milliseconds since the epoch. */
  readonly deadline: number;
}

/** A batch in the hands of one delivery. */
export interface Claimed {
  readonly message: BatchMessage;
  readonly delivery: Delivery;
  readonly run: RunRecord;
  /** When the claim was made, milliseconds since the epoch. */
  readonly claimedAt: number;
  /** As the claim, or this delivery's last settlement, left it. */
  readonly shard: ShardRecord;
}

/** What is to be done of a claimed batch. */
export interface BatchWork {
  /** All items of the batch; an ordinal is an index. */
  readonly items: readonly PlannedItem[];
  readonly work: Work;
}

/** What was done of it, settled. */
export interface WorkEnd {
  readonly shard: ShardRecord;
  /** What holds the rest back; undefined: it may begin at once. */
  readonly held: Holding | undefined;
  /** Verdicts. */
  readonly rows: number;
  /** Processors that were told to end and have not. */
  readonly unended: number;
}
