import type { z } from 'zod';
import type { ApiCaller } from '../shared/api-call.ts';
import type { PageFetcher } from '../shared/http/page-fetcher.ts';
import type { Limiter } from '../shared/limiter.ts';
import type { JsonObject, Outcome, ResultRow, Totals } from '../shared/rows.ts';
import type { UploadReader } from '../shared/uploads.ts';

/**
 * What is done to an item. A processor is one folder below `processors/` with a `processor.ts`, and one line in `registry.ts`.
 * `readRow` runs in the planner, once a row; `process` runs in a worker, once an item (again after a crash); `merge` once at the end.
 */
export interface Processor<Input extends JsonObject = JsonObject, Options extends JsonObject = JsonObject> {
  /** Kebab-case; stands in manifest keys (`<tenant>/<processor>/<name>`). */
  readonly name: string;
  /** One sentence for `spillway processors` and the docs. */
  readonly summary: string;
  /** The function, queue, memory and time-out it runs on: a key of `WORKER_CLASSES`. */
  readonly workerClass: WorkerClassName;
  /** The field that a bare value (a line of txt, a string in JSON) fills, and the first column that csv looks for. */
  readonly primaryField: string;
  /** Its primary field is the key of an upload: a folder of files can be uploaded for it. */
  readonly takesFiles?: true;
  /** Other names a csv column or JSON field of that meaning may have; the first present wins. */
  readonly primaryAliases?: readonly string[];
  /** A csv need not have such a column: `readRow` looks at others. @default false */
  readonly isPrimaryOptional?: true;
  /** Validates a run's options and fills in the defaults; unknown keys are refused. */
  readonly optionsSchema: z.ZodType<Options>;
  /** Items a batch holds by default. */
  readonly itemsPerBatch: number;
  /** Items of one batch in work at once, in one worker. */
  readonly concurrency: number;
  /** Price of an item that succeeds, in credits: reserved when the run is planned, charged at its end. @default 0 */
  readonly creditsPerItem?: number;
  /** Items that a tenant may have waiting in all its runs of this processor, unless its settings say otherwise. @default no bound */
  readonly maxWaitingItems?: number;
  /** The limit key that all items of such a run share, if they do: what it admits bounds how soon a waiting run begins. */
  mainLimitKey?(options: Options): string;
  /** How long an item may be in work, its retries included. @default 60 */
  readonly itemDeadlineSeconds?: number;
  /**
   * No item begins when its worker has less time than this: what costs money is not begun to be cut off. A worker that has less time in all
   * keeps to half of it. @default 0
   */
  readonly leastSecondsLeft?: number;
  /** Reads one row. Pure and fast: it runs for every row of a manifest, ten million at times. Reads its own `input` as the same item: a redrive's rows are that. */
  readRow(fields: JsonObject, options: Options): RowReading<Input>;
  /** Follows a row that asks for more rows (`expand`), in Plan only. Answers rows as `readRow` takes them. */
  expand?(fields: JsonObject, context: ExpandContext<Options>): AsyncIterable<JsonObject>;
  /**
   * Works on one item. An expected end is returned, also a failure or a limit that holds the item back;
   * what is thrown becomes `failed` with the error's name.
   */
  process(item: ProcessorItem<Input>, context: ProcessContext<Options>): Promise<ProcessAnswer>;
  /** Joins the results of a run into files of its own. Without it a run's results are its parts alone. */
  merge?(input: MergeInput<Options>): Promise<void>;
}

/** Memory, time-out and concurrency of each are in `cdk/worker-classes.ts`. */
export type WorkerClassName = 'standard' | 'web' | 'api' | 'document';

export type RowReading<Input> =
  | {
      readonly kind: 'item';
      readonly input: Input;
      /** Two rows with the same key are the same item; undefined: no two rows are. */
      readonly equalityKey?: string;
      /** What the item's main limit is counted on, such as `host:example.com`; items of one key are planned together. */
      readonly limitKey?: string;
    }
  | { readonly kind: 'expand'; readonly how: string }
  | { readonly kind: 'invalid'; readonly reason: string };

export interface ProcessorItem<Input> {
  readonly line: number;
  readonly id?: string;
  readonly input: Input;
}

export interface ExpandContext<Options> {
  readonly options: Options;
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly fetchPage: PageFetcher;
}

export interface ProcessContext<Options> {
  readonly options: Options;
  /** Aborted at the item's deadline and when the worker runs out of time. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Guarded (public addresses only), limited per host, obeying robots.txt. */
  readonly fetchPage: PageFetcher;
  /** Calls an API that the operator named, within its limits and with its key, which no processor sees: worker classes that may read the keys only. */
  readonly callApi: ApiCaller;
  /** Admits calls of other services, over all workers together: `fetchPage` and `callApi` keep theirs themselves. */
  readonly limiter: Limiter;
  /** Uploaded objects of the run's tenant; only in a worker class that `readsUploads`. */
  readonly readUpload: UploadReader;
}

/** An outcome, or `held`: a limit refused the start until `until` (ms since the epoch); the item is left over and is no failure. */
export type ProcessAnswer = Outcome | HeldAnswer;

export interface HeldAnswer {
  readonly verdict: 'held';
  readonly until: number;
  /** The limit, such as `host:example.com`: people read what a run waits for. */
  readonly limit?: string;
}

export interface MergeInput<Options> {
  readonly run: string;
  readonly options: Options;
  readonly totals: Totals;
  /** Every settled row of the run, ordered by shard, then batch; readable more than once. */
  rows(): AsyncIterable<ResultRow>;
  readonly output: MergeOutput;
}

/** Writes files below `<tenant>/<run>/`; each is listed in the run's manifest.json. The same path again replaces the file. */
export interface MergeOutput {
  write(path: string, body: string | Uint8Array, contentType: string): Promise<void>;
  /** For what may not fit into memory: chunks are stored as they come. */
  writeStream(path: string, chunks: AsyncIterable<string | Uint8Array>, contentType: string): Promise<void>;
}
