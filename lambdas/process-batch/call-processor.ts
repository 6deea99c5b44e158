import type { Processor } from '../../processors/processor.ts';
import type { ApiAnswer, ApiCall } from '../../shared/api-call.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import type { Limiter } from '../../shared/limiter.ts';
import type { Clock } from '../../shared/ports.ts';
import type { JsonObject, PlannedItem } from '../../shared/rows.ts';
import type { UploadReader } from '../../shared/uploads.ts';
import { checkAnswer, type CheckedAnswer, checkThrown } from './check-answer.ts';

/** Limits may name the item's group. */
export type GroupApiCaller = (call: ApiCall, group: string | undefined) => Promise<ApiAnswer>;

export interface ProcessorCall {
  readonly processor: Processor;
  readonly options: JsonObject;
  readonly fetchPage: PageFetcher;
  readonly callApi: GroupApiCaller;
  readonly limiter: Limiter;
  /** Items of a limit key that this worker is about to begin: their starts may be reserved together. */
  readonly ahead: (limitKey: string) => number;
  readonly readUpload: UploadReader;
  readonly clock: Clock;
  /** When the item's time is over, milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborts when the worker's time is over. */
  readonly stop: AbortSignal;
  /** Holds every call whose processor has not come back. */
  readonly pending: Set<object>;
}

/** `timed out` and `stopped`: the work was told to end through its signal. */
export type CallEnd = CheckedAnswer | 'timed out' | 'stopped';

/** Only of the item's own host: what it fetches elsewhere says nothing of the items to come. */
function aheadOf({ limitKey }: PlannedItem, url: string, ahead: ProcessorCall['ahead']): number {
  const host = URL.parse(url)?.host;
  return host !== undefined && limitKey === `host:${host}` ? ahead(limitKey) : 0;
}

/** One for all: an error of its own for each item would cost more than all else that is done around an item. */
const ITEM_ENDED = new DOMException('the item has its verdict', 'AbortError');

/** Ends with the processor, the item's deadline or the worker's, whichever is first. Never throws. */
export async function callProcessor(item: PlannedItem, call: ProcessorCall): Promise<CallEnd> {
  const { processor, options, fetchPage, limiter, readUpload, clock, deadline, stop, pending } = call;
  const ownPages: PageFetcher = (request) => fetchPage({ ...request, ahead: aheadOf(item, request.url, call.ahead), ...(item.group !== undefined && { group: item.group }) });
  const callApi = (request: ApiCall): Promise<ApiAnswer> => call.callApi(request, item.group);
  if (stop.aborted) return 'stopped';
  const cancel = new AbortController();
  const { signal } = cancel;
  const { promise: ended, resolve: end } = Promise.withResolvers<CallEnd>();
  const onStop = () => {
    cancel.abort(stop.reason);
    end('stopped');
  };
  stop.addEventListener('abort', onStop, { once: true });
  const timer = setTimeout(() => end('timed out'), Math.max(0, deadline - clock()));
  pending.add(signal);
  try {
    const called = Promise.try(() => processor.process(item, { options, signal, now: clock, fetchPage: ownPages, callApi, limiter, readUpload }))
      .then(checkAnswer, checkThrown)
      .finally(() => pending.delete(signal));
    return await Promise.race([ended, called]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    cancel.abort(ITEM_ENDED);
  }
}
