import type { Processor } from '../../../processors/processor.ts';
import { splitOptions } from '../../../shared/manifest/common-options.ts';
import { fieldNamingOf, namePrimaryField } from '../../../shared/manifest/manifest-row.ts';
import type { JsonObject, ResultRow } from '../../../shared/rows.ts';

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

/** A host as it stands in limit keys, or undefined if the text is none. */
export const readHostName = (text: string): string | undefined => (/[/@?#\s]/.test(text) ? undefined : (URL.parse(`http://${text}`)?.host ?? undefined));

/** @param run the run's options and the reason of its stop, if it had one */
export function createChooser(choice: RowChoice, processor: Processor, run: { readonly options: JsonObject; readonly stopReason: string | undefined }): (row: ResultRow) => boolean {
  const { errors, hosts, isRetryableOnly, beforeMs, withSkipped } = choice;
  const isAtHost = createHostFilter(hosts, processor, run.options);
  return (row) => {
    if (row.verdict === 'skipped') return withSkipped && row.reason === run.stopReason && isAtHost(row);
    if (row.verdict !== 'failed') return false;
    const isNamed = errors.size === 0 || errors.has(row.error.name);
    return isNamed && (!isRetryableOnly || row.error.retryable) && Date.parse(row.startedAt) < beforeMs && isAtHost(row);
  };
}

/** @param hosts as `readHostName` reads them; empty: all */
export function createHostFilter(hosts: ReadonlySet<string>, processor: Processor, options: JsonObject): (row: ResultRow) => boolean {
  const { own } = splitOptions(options);
  return (row) => hosts.size === 0 || hostNames(row.input, processor, own).some((host) => hosts.has(host));
}

/** The host of the item's limit, else of its `url`: with its port, and without. */
function hostNames(input: JsonObject, processor: Processor, options: JsonObject): string[] {
  const reading = processor.readRow(namePrimaryField(input, { ...fieldNamingOf(processor), column: undefined }), options);
  const limitKey = reading.kind === 'item' ? reading.limitKey : undefined;
  const url = typeof input['url'] === 'string' ? URL.parse(input['url']) : null;
  const host = limitKey?.startsWith('host:') ? limitKey.slice('host:'.length) : url?.host;
  return host ? [host, host.replace(/:\d+$/, '')] : [];
}
