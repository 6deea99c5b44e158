import type { DispatchMessage, WorkMessage } from './messages.ts';
import type { Lease } from './batch-state.ts';
import type { DeletedRecord, OpenRecord, PlannedRun, QueuedState, RunRecord, RunStop, ShardRecord } from './records.ts';
import type { JsonObject, Totals } from './rows.ts';
import type { TenantSettings } from './tenant-settings.ts';

/** What the steps need of the outside world. Adapters: one port each, in `shared/aws`; fakes in `test/support`. */

/** Milliseconds since the epoch. */
export type Clock = () => number;

/** Resolves after `ms`, or as soon as the signal aborts. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** One bucket. */
export interface ObjectStore {
  readonly bucket: string;
  /**
   * Opens an object, or exactly one version of it. The body throws `BrokenObjectError` when it ends short.
   * @returns undefined if there is no such object
   */
  open(key: string, version?: string): Promise<StoredObject | undefined>;
  /** Reads a whole object, or the bytes `start` to `end` (`end` not included); retries a cut body. @throws BrokenObjectError */
  read(key: string, range?: ByteRange): Promise<Uint8Array>;
  /** Stores a whole object (in parts above 8 MiB). */
  write(key: string, body: Uint8Array | string, contentType: string, metadata?: Readonly<Record<string, string>>): Promise<void>;
  /** Stores a stream in parts; nothing is visible before the end, and a failure leaves nothing. */
  writeStream(key: string, chunks: AsyncIterable<Uint8Array>, contentType: string): Promise<void>;
  /** What is known of an object without reading it, or undefined if there is none. */
  head(key: string, version?: string): Promise<ObjectHead | undefined>;
  /** Every object below a prefix, in key order. */
  list(prefix: string): AsyncIterable<ObjectEntry>;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ObjectEntry {
  readonly key: string;
  readonly bytes: number;
}

export interface ObjectHead {
  readonly bytes: number;
  readonly etag: string;
  /** Of a bucket that keeps versions. */
  readonly version?: string;
  /** `x-amz-meta-*` without the prefix, lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly contentType: string;
}

export interface StoredObject extends ObjectHead {
  readonly body: AsyncIterable<Uint8Array>;
}

/** The ledger. Every read is consistent; every write may be repeated. A refused condition has been followed by a read already. */
export interface RunLedger {
  /** OPEN first, RUN after it, if absent. @returns the record that is there now */
  admit(record: RunRecord, open: OpenRecord): Promise<RunRecord>;
  /** A run that ended before it began: listed, never open. */
  recordRefusal(record: RunRecord): Promise<void>;
  readRun(run: string): Promise<RunRecord | undefined>;
  markStarted(run: string, execution: string): Promise<void>;
  /** Freezes nonce and totals if absent. @returns the run with the plan that won */
  freezePlan(run: string, plan: { nonce: string; totals: Totals }): Promise<PlannedRun>;
  /** Puts a shard record if absent. */
  putShard(shard: ShardRecord): Promise<void>;
  readShard(run: string, shard: number): Promise<ShardRecord | undefined>;
  /** In the order asked for; those that do not exist (yet) are left out. */
  readShards(run: string, shards: readonly number[]): Promise<ShardRecord[]>;
  claim(claim: Claim): Promise<ClaimAnswer>;
  /** Says which item runs alone now. @returns `lost` when the batch is no longer the owner's */
  mark(mark: CarefulMark): Promise<'marked' | 'lost'>;
  settle(settlement: SettleRequest): Promise<SettleAnswer>;
  /** @returns the set as it is afterwards: as good as a consistent read */
  addDone(run: string, shard: number): Promise<ReadonlySet<number>>;
  readDone(run: string): Promise<ReadonlySet<number>>;
  storeToken(request: { run: string; token: string; execution: string; attempt: number }): Promise<'stored' | 'superseded'>;
  markAcked(run: string, token: string): Promise<void>;
  /** Ends the run's record. A run that has ended in another way stays as it is. */
  markEnded(run: string, end: { state: 'finished' | 'failed'; finishedAt: string; error?: string }): Promise<RunRecord>;
  /** Stops an open run; how it was stopped first stays. @returns the record afterwards, undefined if there is none */
  requestStop(run: string, stop: RunStop): Promise<RunRecord | undefined>;
  /** Pauses an open run, or lets it go on. @returns the record afterwards, undefined if there is none */
  setPaused(run: string, isPaused: boolean, reason?: 'budget'): Promise<RunRecord | undefined>;
  /** Says what an open run waits for, or (undefined) that it is let in. */
  setQueued(run: string, queued: QueuedState | undefined): Promise<void>;
  /** Names a new execution for a run that has not ended; the caller starts it. @returns the record afterwards, undefined if there is none */
  restart(run: string, execution: string): Promise<RunRecord | undefined>;
  listOpen(): Promise<OpenRecord[]>;
  takeOffOpen(run: string): Promise<void>;
  /** Newest first, at most `limit`; of every tenant if none is named. @param before only older ones than this `listPlace` */
  listRuns(tenant: string | undefined, limit: number, before?: string): Promise<RunRecord[]>;
}

/** Deleting runs, in two steps: out of sight at once, erased later. */
export interface RunErasures {
  /** An ended run is in no list from now on, and is listed as deleted. May be repeated. @param at milliseconds since the epoch @returns false if it goes on */
  markDeleted(run: RunRecord, at: number): Promise<boolean>;
  listDeleted(): Promise<DeletedRecord[]>;
  /** Oldest first. @param before only places below it @param after only those above it */
  listOlder(tenant: string | undefined, before: string, limit: number, after?: string): Promise<{ readonly run: string; readonly place: string }[]>;
  /** Deletes every record of it but its own, which goes by itself. */
  forget(deleted: DeletedRecord): Promise<void>;
  /** It was not deleted after all. */
  dropMark(run: string): Promise<void>;
}

/** Deletes from one bucket. */
export interface ObjectRemover {
  /** @throws Error if one of them could not be deleted */
  remove(keys: readonly string[]): Promise<void>;
  /** Of a versioned bucket: for ever. */
  removeVersion(object: { readonly key: string; readonly version: string }): Promise<void>;
}

export interface BatchRef {
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
}

export interface Claim extends BatchRef {
  readonly q: number;
  readonly owner: string;
  readonly now: number;
  readonly until: number;
}

/** `times`: workers that this mark says may have died at the item, this one included. */
export interface CarefulMark extends BatchRef {
  readonly q: number;
  readonly owner: string;
  readonly ordinal: number;
  readonly times: number;
}

export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly shard: ShardRecord }
  /** Another worker's lease runs: this delivery is one too many. */
  | { readonly kind: 'owned' }
  /** q has moved on: what comes after SETTLE may still be missing. */
  | { readonly kind: 'settled'; readonly shard: ShardRecord };

/** SETTLE: what one delivery did of a batch. `owner` undefined: the condition is on q only (stop, fail). */
export interface SettleRequest extends BatchRef {
  readonly q: number;
  readonly owner?: string;
  /** Kept by the owner, who goes on with what is left. */
  readonly lease?: Lease;
  readonly left: string;
  readonly part: string;
  readonly message: string;
  readonly counts: { readonly ok: number; readonly ko: number; readonly sk: number };
}

export type SettleAnswer = { readonly kind: 'settled'; readonly shard: ShardRecord } | { readonly kind: 'beaten'; readonly shard: ShardRecord };

/** The credits of tenants. Every call may be repeated. */
export interface Credits {
  /** Reserves. @returns `refused` with what there is, if that is too little; a run that has, or had, a hold is `held` */
  hold(request: { tenant: string; run: string; amount: number }): Promise<HoldAnswer>;
  /** The run's last word: its hold becomes a charge, never more than was held, and the rest goes back. A run without a hold gets none any more. */
  settle(request: { tenant: string; run: string; charge: number }): Promise<void>;
}

export type HoldAnswer = { readonly kind: 'held' } | { readonly kind: 'refused'; readonly balance: number };

/** What waits of a tenant that has a cap. */
export interface Waiting {
  /** Items in all its runs that are in: the sum of `holds`. */
  readonly waiting: number;
  /** Run -> its items that wait, at most a minute old. */
  readonly holds: Readonly<Record<string, number>>;
  /** Run -> its items, of runs that are not in yet. */
  readonly line: Readonly<Record<string, number>>;
  /** Items that have left so far. */
  readonly gone: number;
  /** Observed over the last minutes; undefined: not yet. */
  readonly itemsPerSecond?: number;
  /** When that was, milliseconds since the epoch, and `gone` at that time. */
  readonly ratedAt?: number;
  readonly goneThen?: number;
}

/** Waiting items of tenants that have a cap. Every call may be repeated. */
export interface WaitingRoom {
  /** Consistent. Undefined: nothing of the tenant ever waited under a cap. */
  read(tenant: string): Promise<Waiting | undefined>;
  /**
   * Takes places for a run: not if others stand in the line, nor if not enough places are free; then it joins the line, if it may. A run larger than
   * the cap gets in when nothing waits.
   */
  enter(request: { tenant: string; run: string; items: number; cap: number; joinsLine: boolean }): Promise<{ readonly kind: 'in' } | { readonly kind: 'full'; readonly waiting: Waiting }>;
  /** Fewer of the run wait than were `seen`. */
  shrink(request: { tenant: string; run: string; items: number; seen: number }): Promise<void>;
  /** Gives back what the run has, also its place in the line. */
  leave(tenant: string, run: string): Promise<void>;
  /** Undefined: a first look, at which no rate is known yet. */
  noteRate(tenant: string, rate: { itemsPerSecond: number | undefined; at: number; gone: number }): Promise<void>;
  /** By tenant. */
  list(): Promise<ReadonlyMap<string, Waiting>>;
}

/** What a tenant has: `balance` is free, `held` reserved by its runs. */
export interface CreditAccount {
  readonly balance: number;
  readonly held: number;
  readonly charged: number;
}

/** For operators. */
export interface CreditAccounts {
  /** Undefined: the tenant never had any. */
  read(tenant: string): Promise<CreditAccount | undefined>;
  /** Changes the balance once for each `id`, also by a negative amount. @returns `seen` for an id that counted before, `too little` if the balance would fall below 0 */
  add(request: { tenant: string; amount: number; id: string }): Promise<'added' | 'seen' | 'too little'>;
}

/** What the items of a tenant and processor took: plans size their batches by it. */
export interface PaceStore {
  /** Milliseconds of a worker an item, or undefined if nothing is known. */
  readPace(tenant: string, processor: string): Promise<number | undefined>;
  writePace(tenant: string, processor: string, msPerItem: number): Promise<void>;
}

/** What an operator set for tenants. */
export interface TenantStore {
  /** Consistent; the defaults for a tenant without settings. */
  readSettings(tenant: string): Promise<TenantSettings>;
  /** Replaces them all. */
  writeSettings(tenant: string, settings: TenantSettings): Promise<void>;
  /** Of the tenants that have settings. */
  listSettings(): Promise<ReadonlyMap<string, TenantSettings>>;
}

/** The dispatcher's state: one compressed record. `stamp` names exactly this writing of it. */
export interface LaneStore {
  /** Consistent. Undefined: lost or never written. */
  read(): Promise<{ readonly stamp: string; readonly state: unknown } | undefined>;
  /**
   * Writes if the stored record still has the stamp `before` (undefined: there is none).
   * @returns false when another dispatcher wrote in between
   */
  write(before: string | undefined, after: { readonly stamp: string; readonly state: unknown }): Promise<boolean>;
}

export interface DispatchQueue {
  /** FIFO, one group. `dedupId` seen within five minutes swallows the message. */
  send(message: DispatchMessage, dedupId: string): Promise<void>;
}

export interface WorkQueues {
  send(workerClass: string, messages: readonly { readonly message: WorkMessage; readonly delaySeconds: number }[]): Promise<void>;
}

/** The dead-letter queue of the queue that a function reads. */
export interface Parking {
  /** Keeps a message that nobody can handle, whole, for a person. The same message twice within five minutes is kept once where the queue is FIFO. */
  park(message: ParkedMessage): Promise<void>;
  /** Lets a received message come again after `seconds` (0 to 43,200), not after its queue's visibility time-out. */
  comeAgain(receiptHandle: string, seconds: number): Promise<void>;
}

export interface ParkedMessage {
  /** As the source queue named it. */
  readonly messageId: string;
  readonly body: string;
  /** Name of the queue that it came from. */
  readonly source: string;
  readonly reason: string;
  /** ISO 8601 UTC. */
  readonly time: string;
}

/** All dead-letter queues of a stack, for a person who looks into them. */
export interface DeadLetters {
  /**
   * Shows each message once, at most 1,000 a queue; deletes it if `see` answers `remove`, else gives it back. A message that goes back in order
   * (FIFO) holds those behind it: of such a group ten are shown.
   * @returns how many messages of each queue lie there unseen, about
   */
  visit(see: (letter: DeadLetter) => Promise<'keep' | 'remove'>): Promise<Readonly<Record<string, number>>>;
  /** Sends the message to the queue that it came from. @throws UsageError for a queue that no queue is behind */
  sendBack(letter: DeadLetter): Promise<void>;
}

export interface DeadLetter {
  /** Unique in the stack. */
  readonly id: string;
  /** The dead-letter queue's name in the template. */
  readonly queue: string;
  /** Whether it came from another queue; else it is an event that no function took. */
  readonly hasSource: boolean;
  readonly body: string;
  readonly reason: string;
  /** ISO 8601 UTC. */
  readonly time: string;
}

export interface Executions {
  /** Same name and input: the same execution; a closed name counts as started, too. */
  start(name: string, input: JsonObject): Promise<void>;
}

export interface TaskAnswers {
  /** A late or doubled answer means nothing. */
  succeedTask(token: string, output: JsonObject): Promise<void>;
}
