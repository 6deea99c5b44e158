import { ERRORS_FILE_NAME, runPrefix } from '../../shared/names.ts';
import { isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { JsonObject, ResultRow } from '../../shared/rows.ts';
import type { ApiPorts } from './ports.ts';
import { newestParts, readRows } from './stored-rows.ts';

export interface ErrorGroup {
  readonly error: string;
  readonly retryable: boolean;
  count: number;
  readonly samples: { readonly line: number; readonly id?: string; readonly input: JsonObject; readonly message: string }[];
}

const SAMPLES = 3;
/** About two seconds of work. */
const MOST_ROWS = 100_000;
const PARTS_LOOKED_AT = 5;

/** Of a finished run its file of errors; of another the newest parts of shards in which something failed. */
export async function groupErrors(record: RunRecord, { ledger, results }: Pick<ApiPorts, 'ledger' | 'results'>): Promise<{ readonly groups: ErrorGroup[]; readonly isComplete: boolean }> {
  const prefix = runPrefix(record.tenant, record.run);
  // A run without a failure has no file of errors.
  const keys = record.state === 'finished' ? [prefix + ERRORS_FILE_NAME] : await partsWithFailures(record, prefix, ledger);
  const groups = new Map<string, ErrorGroup>();
  let rows = 0;
  for (const key of keys) {
    for await (const row of readRows(results, key)) {
      if (row.verdict === 'failed') add(groups, row);
      if (++rows >= MOST_ROWS) return { groups: sorted(groups), isComplete: false };
    }
  }
  return { groups: sorted(groups), isComplete: record.state === 'finished' };
}

async function partsWithFailures(record: RunRecord, prefix: string, ledger: ApiPorts['ledger']): Promise<string[]> {
  if (!isPlanned(record)) return [];
  const shards = (await readAllShards(ledger, record)).filter(({ ko }) => ko > 0);
  return newestParts(shards).slice(-PARTS_LOOKED_AT).map((part) => prefix + part);
}

function add(groups: Map<string, ErrorGroup>, { line, id, input, error }: Extract<ResultRow, { readonly verdict: 'failed' }>): void {
  const group = groups.get(error.name) ?? { error: error.name, retryable: error.retryable, count: 0, samples: [] };
  groups.set(error.name, group);
  group.count++;
  if (group.samples.length < SAMPLES) group.samples.push({ line, ...(id !== undefined && { id }), input, message: error.message });
}

const sorted = (groups: ReadonlyMap<string, ErrorGroup>): ErrorGroup[] => [...groups.values()].toSorted((a, b) => b.count - a.count);
