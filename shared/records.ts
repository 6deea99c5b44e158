import type { JsonObject, ManifestSource, Totals } from './rows.ts';

/** The ledger's records (table `progress`, keys `pk` and `sort`; `sk` counts the skipped). DESIGN section 4; the conditions on them are in `shared/aws/ledger-expressions.ts`. */

/** `stopping`: no batch is begun any more, and what is open is being settled `skipped`; the run then ends like any other. */
export type RunState = 'open' | 'stopping' | 'finished' | 'failed';

/** Why a run ended before its work did; also the reason of the items that it skipped. */
export type StopReason = 'cancelled' | 'failure threshold' | 'time limit';

export interface RunStop {
  readonly reason: StopReason;
  /** ISO 8601 UTC. */
  readonly at: string;
}

/** Why a planned run has not begun. `since`: ISO 8601 UTC. */
export type QueuedState =
  /** The tenant's balance is too low: credits. */
  | { readonly reason: 'credits'; readonly since: string; readonly needs: number; readonly has: number }
  /** The tenant, or (`scope`) all tenants together, have as many items waiting as they may. `needs`: items of this run; `ahead`: items that come before it; `waitSeconds`: how long they took to go so far, about. */
  | { readonly reason: 'waiting'; readonly since: string; readonly needs: number; readonly ahead: number; readonly scope?: 'all tenants'; readonly waitSeconds?: number };

/** What a run costs its tenant. A run of a processor without a price has none. */
export interface RunCredits {
  /** Of releases that reserved at admission, always 0. What a run reserves now follows from its plan (`creditsNeeded`). */
  readonly hold?: number;
  /** Charged for each item that succeeded. */
  readonly perItem: number;
}

/** `RUN#<id>`. Times are ISO 8601 UTC. */
export interface RunRecord {
  readonly v: 1;
  readonly run: string;
  readonly tenant: string;
  readonly processor: string;
  readonly workerClass: string;
  readonly options: JsonObject;
  readonly source: ManifestSource;
  readonly state: RunState;
  readonly createdAt: string;
  readonly finishedAt?: string;
  /** Name of the one current execution, written before it is started. */
  readonly execution: string;
  /** Equals `execution` once StartExecution has answered. */
  readonly started?: string;
  /** Set together, once, by the planning that won. */
  readonly plan?: string;
  readonly totals?: Totals;
  readonly token?: string;
  /** RetryCount of the Await state that stored the token. */
  readonly attempt: number;
  /** The token that was answered. */
  readonly acked?: string;
  /** One sentence, when `state` is `failed`. */
  readonly error?: string;
  /** Set once; kept after the end. */
  readonly stop?: RunStop;
  /** No batch is sent until it is resumed. */
  readonly paused?: true;
  /** It paused itself: its budget is spent. Undefined: a person did. */
  readonly pausedFor?: 'budget';
  /** It is planned and waits to be let in; taken away when it is. */
  readonly queued?: QueuedState;
  /** The run whose failed items this one does again. */
  readonly redriveOf?: string;
  readonly credits?: RunCredits;
  /** It is in no list and answered as if it did not exist; its record goes after a week. */
  readonly deletedAt?: string;
}

/** A run after its plan is frozen. */
export type PlannedRun = RunRecord & { readonly plan: string; readonly totals: Totals };

/** `b.<k>` of a shard record: one batch. Short names, because 32 of them share a record that is written twice a batch. */
export interface BatchState {
  /** Settle number: every settlement raises it, so a chain can't fork. */
  readonly q: number;
  /** Ordinals left, as `formatOrdinals` writes them; empty: done. */
  readonly l: string;
  /** Id of the last part, `-` before the first. */
  readonly h: string;
  /** Deaths since the last settlement (claims that were not settled). */
  readonly a: number;
  /** End of the lease, milliseconds since the epoch; 0: free. */
  readonly u: number;
  /** Owner of the lease; `-`: none. */
  readonly o: string;
  /** SQS message that settled `q`; `-`: none. */
  readonly m: string;
  /** Careful ordinal and the workers that died at it; -1: none. */
  readonly d: number;
  readonly dn: number;
}

/** `SHARD#<run>#<n>`: own partition key, no hot partition. */
export interface ShardRecord {
  readonly v: 1;
  readonly run: string;
  readonly tenant: string;
  readonly shard: number;
  readonly plan: string;
  /** Batches, at most 32. */
  readonly n: number;
  /** Batches that are done. */
  readonly nd: number;
  readonly ok: number;
  readonly ko: number;
  readonly sk: number;
  /** Items of each batch. */
  readonly sizes: readonly number[];
  /** Byte offset of each batch in the shard file, and the file's length last. */
  readonly offsets: readonly number[];
  /** The least and the greatest line of the manifest among its items: where an item is looked for. Undefined: planned by an earlier release. */
  readonly lines?: readonly [least: number, greatest: number];
  readonly b: Readonly<Record<string, BatchState>>;
  /** The limit key that all items of a batch share, `''` if they share none, for each batch in order. Undefined: none of them. */
  readonly keys?: Runs;
  /** The group of each batch in order; a batch holds items of one. Undefined: the tenant's own. */
  readonly groups?: Runs;
}

/** A value for each batch, as [value, how many batches in a row]: 32 batches that share one take a few bytes. */
export type Runs = readonly (readonly [value: string, batches: number])[];

/** `DELETED` / run: what is to be erased. */
export interface DeletedRecord extends Pick<RunRecord, 'v' | 'run' | 'tenant' | 'createdAt' | 'source'> {
  readonly shards: number;
  /** When it was deleted. */
  readonly at: string;
}

/** `OPEN` / run: the list of unfinished runs. Carries the request, so that a sweep can finish a half-made admission. */
export interface OpenRecord {
  readonly v: 1;
  readonly run: string;
  readonly source: ManifestSource;
  /** ISO 8601 UTC. */
  readonly uploadedAt: string;
}
