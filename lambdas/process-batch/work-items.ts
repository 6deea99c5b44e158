import type { HeldAnswer, Processor } from '../../processors/processor.ts';
import { type BackOff, fullJitterMs } from '../../shared/back-off.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import type { Limiter } from '../../shared/limiter.ts';
import type { Clock, Sleep } from '../../shared/ports.ts';
import { identityOf, type ItemError, type JsonObject, type Outcome, type ResultRow } from '../../shared/rows.ts';
import type { UploadReader } from '../../shared/uploads.ts';
import { callProcessor, type GroupApiCaller } from './call-processor.ts';
import { ItemQueue, type OrdinalItem, type Task } from './item-queue.ts';

/** An item may be in work this long, retries included, unless its processor says otherwise. */
export const ITEM_DEADLINE_SECONDS = 60;
/** An item that has had this share of a whole delivery gets no second one: it would take that, too. */
const LARGEST_SHARE_OF_DELIVERY = 0.9;
/** With more no further item is begun: the rest of the batch is another settlement, and no part too large for whoever reads it. */
const MAX_OUTPUT_BYTES_AT_ONCE = 32 * 1024 * 1024;
const RETRY_BACK_OFF: BackOff = { baseMs: 500, capMs: 8_000 };

export interface Work {
  readonly processor: Processor;
  readonly options: JsonObject;
  readonly fetchPage: PageFetcher;
  readonly callApi: GroupApiCaller;
  readonly limiter: Limiter;
  readonly readUpload: UploadReader;
  readonly clock: Clock;
  readonly sleep: Sleep;
  /** From 0 (included) to 1. */
  readonly random: () => number;
  /** How often an item that failed with a retryable error is tried again. */
  readonly retries: number;
  /** When the delivery began, milliseconds since the epoch. */
  readonly startedAt: number;
  /** No item begins after it, and those in work are aborted and left over; milliseconds since the epoch. */
  readonly stopAt: number;
}

/** An item that a limit held back. */
export interface Holding {
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Key of the limit, if the processor named it. */
  readonly limit?: string;
}

export const firstOf = (a: Holding | undefined, b: Holding | undefined): Holding | undefined => (a && b ? (b.until < a.until ? b : a) : (a ?? b));

export interface WorkOutcome {
  /** In the order of the items. */
  readonly rows: readonly ResultRow[];
  /** Ordinals that have no verdict yet, ascending. */
  readonly left: readonly number[];
  /** Of the item that may begin first; undefined: none was held. */
  readonly held: Holding | undefined;
  /** Processors that were told to end and have not: only the end of the environment ends them. */
  readonly unended: number;
}

/** Runs the items, as many at once as the processor allows. One item's fault is its own verdict and touches no other. */
export async function workItems(items: readonly OrdinalItem[], work: Work): Promise<WorkOutcome> {
  const shift = new Shift(items, work);
  await shift.run();
  return shift.outcome();
}

/** The items of one delivery. */
class Shift {
  readonly #items: readonly OrdinalItem[];
  readonly #work: Work;
  readonly #queue: ItemQueue;
  readonly #startedAt: number;
  readonly #stop = new AbortController();
  readonly #pending = new Set<object>();
  readonly #rows = new Map<number, ResultRow>();
  #held: Holding | undefined;
  #outputBytes = 0;

  constructor(items: readonly OrdinalItem[], work: Work) {
    this.#items = items;
    this.#work = work;
    this.#queue = new ItemQueue(items);
    this.#startedAt = work.startedAt;
  }

  async run(): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), Math.max(0, this.#work.stopAt - this.#work.clock()));
    try {
      await Promise.all(Array.from({ length: this.#work.processor.concurrency }, () => this.#runTasks()));
    } finally {
      clearTimeout(timer);
    }
    for (const task of this.#queue.drain()) this.#end(task, task.last!);
    // Whoever listens to its signal ends in this turn.
    if (this.#pending.size > 0) await new Promise(setImmediate);
  }

  outcome(): WorkOutcome {
    return {
      rows: this.#items.flatMap(({ ordinal }) => this.#rows.get(ordinal) ?? []),
      left: this.#items.map(({ ordinal }) => ordinal).filter((ordinal) => !this.#rows.has(ordinal)),
      held: this.#held,
      unended: this.#pending.size,
    };
  }

  async #runTasks(): Promise<void> {
    const { clock, sleep } = this.#work;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (this.#isTooLate()) this.#queue.close();
      const task = this.#queue.take(clock());
      if (!task) return;
      if (task.dueAt > clock()) await sleep(task.dueAt - clock(), signal);
      if (signal.aborted && task.last) this.#end(task, task.last);
      else await this.#runTask(task);
    }
  }

  /** Late in the delivery nothing begins that would be cut off. */
  #isTooLate(): boolean {
    const { processor, stopAt, clock } = this.#work;
    const leastMs = Math.min(1000 * (processor.leastSecondsLeft ?? 0), (stopAt - this.#startedAt) / 2);
    return stopAt - clock() < leastMs;
  }

  async #runTask(task: Task): Promise<void> {
    const startedAt = task.startedAt ?? this.#work.clock();
    const deadline = this.#deadlineOf(startedAt);
    const end = await callProcessor(task.item, { ...this.#work, ahead: (limitKey) => this.#queue.ahead(limitKey), deadline, stop: this.#stop.signal, pending: this.#pending });
    const tried: Task = { ...task, startedAt, attempts: task.attempts + 1 };
    // A retry that is cut short, or that a limit holds back for long, leaves the earlier failure as it was.
    if (end === 'stopped') return task.last && this.#end(task, task.last);
    if (end === 'timed out') return this.#end(tried, task.last ?? timeOut(deadline - startedAt));
    const { answer } = end;
    if ((this.#outputBytes += end.outputBytes) > MAX_OUTPUT_BYTES_AT_ONCE) this.#queue.close();
    if (answer.verdict === 'held') return this.#hold({ ...task, startedAt }, answer, deadline);
    if (!this.#tryAgain(tried, answer, deadline)) this.#end(tried, answer);
  }

  #deadlineOf(startedAt: number): number {
    const { processor, stopAt } = this.#work;
    const deadline = startedAt + 1000 * (processor.itemDeadlineSeconds ?? ITEM_DEADLINE_SECONDS);
    const spanMs = stopAt - this.#startedAt;
    const isAmongFirst = startedAt - this.#startedAt <= (1 - LARGEST_SHARE_OF_DELIVERY) * spanMs;
    return isAmongFirst ? Math.min(deadline, this.#startedAt + LARGEST_SHARE_OF_DELIVERY * spanMs) : deadline;
  }

  #hold(task: Task, { until, limit }: HeldAnswer, deadline: number): void {
    if (!task.last) this.#held = firstOf(this.#held, { until, ...(limit !== undefined && { limit }) });
    else if (until < Math.min(deadline, this.#work.stopAt)) this.#queue.retry({ ...task, dueAt: until });
    else this.#end(task, task.last);
  }

  /** @returns false if the answer is the item's end */
  #tryAgain(task: Task, answer: Outcome, deadline: number): boolean {
    const { clock, random, retries, stopAt } = this.#work;
    if (answer.verdict !== 'failed' || !answer.error.retryable || task.attempts > retries) return false;
    const dueAt = clock() + fullJitterMs(task.attempts, RETRY_BACK_OFF, random());
    if (dueAt >= Math.min(deadline, stopAt)) return false;
    this.#queue.retry({ ...task, dueAt, last: answer });
    return true;
  }

  #end({ ordinal, item, attempts, startedAt = this.#work.clock() }: Task, answer: Outcome): void {
    const times = { attempts, startedAt: new Date(startedAt).toISOString(), durationMs: this.#work.clock() - startedAt };
    this.#rows.set(ordinal, { ...identityOf(item), ...answer, ...times });
  }
}

const timeOut = (ms: number): Outcome => {
  const message = `expected the item to end within ${Math.round(ms / 100) / 10} s, it was still in work`;
  return { verdict: 'failed', error: { name: 'ItemTimeoutError', message, retryable: true } satisfies ItemError };
};
