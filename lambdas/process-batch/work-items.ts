import type { Processor, ProcessAnswer } from '../../processors/processor.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import type { Clock } from '../../shared/ports.ts';
import type { ItemError, JsonObject, PlannedItem, ResultRow } from '../../shared/rows.ts';

/** One item may take this long. */
export const ITEM_DEADLINE_MS = 60_000;

export interface Work {
  readonly processor: Processor;
  readonly options: JsonObject;
  readonly fetchPage: PageFetcher;
  readonly clock: Clock;
  /** No item begins after it, and those in work are aborted and left over; milliseconds since the epoch. */
  readonly stopAt: number;
}

export interface WorkOutcome {
  /** In the order of the items. */
  readonly rows: readonly ResultRow[];
  /** Ordinals that have no verdict yet, ascending. */
  readonly left: readonly number[];
  /** When the first held item may begin; undefined: none was held. */
  readonly heldUntil: number | undefined;
}

export interface OrdinalItem {
  readonly ordinal: number;
  readonly item: PlannedItem;
}

/** Runs the items, as many at once as the processor allows. One item's fault is its own verdict and touches no other. */
export async function workItems(items: readonly OrdinalItem[], work: Work): Promise<WorkOutcome> {
  const rows = new Map<number, ResultRow>();
  const heldUntil: number[] = [];
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), Math.max(0, work.stopAt - work.clock()));
  const queue = items.values();
  const runNext = async () => {
    for (const { ordinal, item } of queue) {
      if (stop.signal.aborted) return;
      const answer = await runItem(item, work, stop.signal);
      if (answer === 'left over') continue;
      if ('until' in answer) heldUntil.push(answer.until);
      else rows.set(ordinal, answer);
    }
  };
  try {
    await Promise.all(Array.from({ length: work.processor.concurrency }, runNext));
  } finally {
    clearTimeout(timer);
  }
  return {
    rows: items.flatMap(({ ordinal }) => rows.get(ordinal) ?? []),
    left: items.map(({ ordinal }) => ordinal).filter((ordinal) => !rows.has(ordinal)),
    heldUntil: heldUntil.length > 0 ? Math.min(...heldUntil) : undefined,
  };
}

type ItemEnd = ResultRow | { readonly until: number } | 'left over';

async function runItem(item: PlannedItem, work: Work, stop: AbortSignal): Promise<ItemEnd> {
  const startedMs = work.clock();
  const { line, id, input } = item;
  const answer = await callProcessor(item, work, stop);
  if (answer === 'left over') return answer;
  if (answer.verdict === 'held') return { until: answer.until };
  const startedAt = new Date(startedMs).toISOString();
  return { line, ...(id !== undefined && { id }), input, ...answer, attempts: 1, startedAt, durationMs: work.clock() - startedMs };
}

/** One for all: an error of its own for each item would cost more than all else that is done around an item. */
const ITEM_ENDED = new DOMException('the item has its verdict', 'AbortError');

/** Ends with the processor, the item's deadline or the worker's, whichever is first. */
async function callProcessor(item: PlannedItem, work: Work, stop: AbortSignal): Promise<ProcessAnswer | 'left over'> {
  const { processor, options, fetchPage, clock } = work;
  const cancel = new AbortController();
  const { signal } = cancel;
  const { promise: ended, resolve: end } = Promise.withResolvers<ProcessAnswer | 'left over'>();
  const onStop = () => {
    cancel.abort(stop.reason);
    end('left over');
  };
  stop.addEventListener('abort', onStop, { once: true });
  const timer = setTimeout(() => end(failed(timeoutError())), ITEM_DEADLINE_MS);
  try {
    const called = Promise.try(() => processor.process(item, { options, signal, now: clock, fetchPage })).catch((error: unknown) =>
      failed(describeError(error)),
    );
    return await Promise.race([ended, called]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    cancel.abort(ITEM_ENDED);
  }
}

const failed = (error: ItemError): ProcessAnswer => ({ verdict: 'failed', error });

const timeoutError = (): ItemError => ({
  name: 'ItemTimeoutError',
  message: `expected the item to end within ${ITEM_DEADLINE_MS / 1000} s, it was still in work`,
  retryable: true,
});

/** What a processor throws is a fault of its own: the name stays, so that people can look for it. */
function describeError(error: unknown): ItemError {
  if (!(error instanceof Error)) return { name: 'UnknownError', message: String(error), retryable: false };
  return { name: error.name, message: error.message, retryable: (error as { retryable?: unknown }).retryable === true };
}
