/**
 * What Spillway says about a row of a manifest, and the files that carry it.
 * A line number counts from 1: the line of a text file, the record of a csv (its header is line 1), the element of a JSON array (its first is 1).
 */

/** A JSON object as it stands in a manifest row, in options or in a result. */
export type JsonObject = { readonly [key: string]: unknown };

/** One item in a shard file: one NDJSON row. `input` has the shape that the processor's `readRow` returned. */
export interface PlannedItem {
  readonly line: number;
  /** The row's own `id`, carried along untouched. */
  readonly id?: string;
  readonly input: JsonObject;
  /** What the item's main limit is counted on, such as `host:example.com`. */
  readonly limitKey?: string;
  /** Whose turn it is inside the tenant's share; undefined: the tenant's own. */
  readonly group?: string;
}

/** What a result row takes over from its item. */
export const identityOf = ({ line, id, input, group }: PlannedItem) => ({ line, ...(id !== undefined && { id }), input, ...(group !== undefined && { group }) });

export interface ItemError {
  /** A stable name that callers match on, such as `HttpStatusError`. */
  readonly name: string;
  readonly message: string;
  readonly retryable: boolean;
}

export const VERDICTS = ['succeeded', 'failed', 'skipped'] as const;

/** How one item ended. */
export type Outcome =
  | { readonly verdict: 'succeeded'; readonly output: JsonObject }
  | { readonly verdict: 'failed'; readonly error: ItemError }
  | { readonly verdict: 'skipped'; readonly reason: string };

/** A row of a part: the outcome of one item. `startedAt` is ISO 8601 UTC. */
export type ResultRow = {
  readonly line: number;
  readonly id?: string;
  readonly input: JsonObject;
  /** Calls of the processor for this item in the delivery that ended it, from 1. */
  readonly attempts: number;
  readonly startedAt: string;
  readonly durationMs: number;
  /** As in the item. */
  readonly group?: string;
} & Outcome;

/** A row of `results/duplicates.ndjson.gz`: an item that equals an earlier one. */
export interface DuplicateRow {
  readonly line: number;
  readonly id?: string;
  readonly input: JsonObject;
  readonly verdict: 'skipped';
  readonly reason: 'duplicate';
  readonly duplicateOf: number;
}

/** A row of `invalid.ndjson.gz`. `row` is the raw text cut to 1 KB. */
export interface InvalidRow {
  readonly line: number;
  readonly row: string;
  readonly reason: string;
}

/**
 * A row of `expanded.ndjson.gz`: one row that an expansion gave. `line` goes on after the manifest's last line, `from` is the row that asked,
 * `input` is the row as the processor's `expand` answered it (`readRow` makes the item of it).
 */
export interface ExpandedRow {
  readonly line: number;
  readonly from: number;
  readonly input: JsonObject;
}

/**
 * The first row of every part: which settlement of which batch it is, and the part of that batch before it.
 * A part's id is the base64url SHA-256 of the stored (gzip) bytes, so its name proves its content.
 */
export interface PartHeader {
  readonly v: 1;
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
  /** The settle number that this part brought: 1 for a batch's first. */
  readonly q: number;
  readonly owner: string;
  readonly previous: string | null;
  /** Rows that follow. */
  readonly rows: number;
}

export interface Totals {
  /** rows = invalid + items. */
  readonly rows: number;
  readonly invalid: number;
  /** Items, duplicates included. */
  readonly items: number;
  readonly duplicates: number;
  readonly shards: number;
}

export interface FileEntry {
  /** Key below `<tenant>/<run>/`. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface Counts {
  readonly succeeded: number;
  readonly failed: number;
  /** Duplicates included. */
  readonly skipped: number;
  readonly pending: number;
  readonly total: number;
}

/** `<tenant>/<run>/manifest.json`, written last: its presence is the end of a finished run. */
export interface RunManifest {
  readonly v: 1;
  readonly run: string;
  readonly tenant: string;
  readonly processor: string;
  readonly options: JsonObject;
  readonly source: ManifestSource;
  readonly plan: string;
  readonly totals: Totals;
  readonly counts: Counts;
  readonly createdAt: string;
  readonly finishedAt: string;
  /** Why the run ended before its work did. */
  readonly stop?: { readonly reason: string; readonly at: string };
  /** The run whose failed items this one did again. */
  readonly redriveOf?: string;
  /** Every file of the run that counts, sorted by path; a part that no chain reaches is not among them. */
  readonly files: readonly FileEntry[];
}

/** The uploaded manifest, exactly one version of it. */
export interface ManifestSource {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  readonly bytes: number;
  readonly etag: string;
}
