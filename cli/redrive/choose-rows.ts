import type { Processor } from '../../processors/processor.ts';
import { UsageError } from '../../shared/errors.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import { fieldNamingOf, namePrimaryField } from '../../shared/manifest/manifest-row.ts';
import type { JsonObject, ResultRow } from '../../shared/rows.ts';

/** Which items of a run are done again. Without a filter every failed one. */
export interface RowChoice {
  /** Names of errors; empty: all. */
  readonly errors: ReadonlySet<string>;
  /** As they stand in limit keys, without or with a port; empty: all. */
  readonly hosts: ReadonlySet<string>;
  readonly isRetryableOnly: boolean;
  /** Failed in a try that began before, milliseconds since the epoch. */
  readonly beforeMs: number;
  /** Also what the run's stop skipped. */
  readonly withSkipped: boolean;
}

export interface ChoiceOptions {
  readonly error: readonly string[];
  readonly host: readonly string[];
  readonly retryable?: true;
  readonly before?: string;
  readonly skipped?: true;
}

/** @throws UsageError naming the option */
export const readChoice = ({ error, host, retryable, before, skipped }: ChoiceOptions): RowChoice => ({
  errors: new Set(error),
  hosts: new Set(host.map(readHost)),
  isRetryableOnly: retryable === true,
  beforeMs: before === undefined ? Infinity : readTime(before),
  withSkipped: skipped === true,
});

function readHost(text: string): string {
  const host = /[/@?#\s]/.test(text) ? undefined : URL.parse(`http://${text}`)?.host;
  if (!host) throw new UsageError(`expected --host to be a host such as example.com, got ${text}`);
  return host;
}

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

function readTime(text: string): number {
  const time = TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new UsageError(`expected --before to be a time such as 2026-01-31T12:00Z, got ${text}`);
  return time;
}

/** @param run the run's options and the reason of its stop, if it had one */
export function createChooser(choice: RowChoice, processor: Processor, run: { readonly options: JsonObject; readonly stopReason: string | undefined }): (row: ResultRow) => boolean {
  const { errors, hosts, isRetryableOnly, beforeMs, withSkipped } = choice;
  const { own } = splitOptions(run.options);
  const isAtHost = (row: ResultRow) => hosts.size === 0 || hostNames(row.input, processor, own).some((host) => hosts.has(host));
  return (row) => {
    if (row.verdict === 'skipped') return withSkipped && row.reason === run.stopReason && isAtHost(row);
    if (row.verdict !== 'failed') return false;
    const isNamed = errors.size === 0 || errors.has(row.error.name);
    return isNamed && (!isRetryableOnly || row.error.retryable) && Date.parse(row.startedAt) < beforeMs && isAtHost(row);
  };
}

/** The host of the item's limit, else of its `url`: with its port, and without. */
function hostNames(input: JsonObject, processor: Processor, options: JsonObject): string[] {
  const reading = processor.readRow(namePrimaryField(input, { ...fieldNamingOf(processor), column: undefined }), options);
  const limitKey = reading.kind === 'item' ? reading.limitKey : undefined;
  const url = typeof input['url'] === 'string' ? URL.parse(input['url']) : null;
  const host = limitKey?.startsWith('host:') ? limitKey.slice('host:'.length) : url?.host;
  return host ? [host, host.replace(/:\d+$/, '')] : [];
}
