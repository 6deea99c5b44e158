import { MANIFEST_FILE_NAME, parsePartPath, runPrefix } from '../../shared/names.ts';
import { isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { ResultRow, RunManifest } from '../../shared/rows.ts';
import type { ApiPorts } from './ports.ts';
import { newestParts, readRows } from './stored-rows.ts';

export interface ItemsQuery {
  readonly isWanted: (row: ResultRow) => boolean;
  readonly limit: number;
  /** Where the last page ended. */
  readonly after: ItemsPlace | undefined;
}

/** Rows of that part up to this many have been looked at. */
export interface ItemsPlace {
  readonly part: string;
  readonly rows: number;
}

export interface ItemsPage {
  readonly items: readonly ResultRow[];
  /** Undefined: there is nothing after it. */
  readonly last?: ItemsPlace;
  /** Every settled row will have been shown: the run has finished. */
  readonly isComplete: boolean;
}

/** With the list of them a page reads five objects at most, however few of their rows are wanted. */
const PARTS_A_PAGE = 4;

/** Rows of a run in the order of their parts. Of a run that goes on the newest part of each batch. */
export async function listItems(record: RunRecord, { isWanted, limit, after }: ItemsQuery, { ledger, results }: Pick<ApiPorts, 'ledger' | 'results'>): Promise<ItemsPage> {
  const prefix = runPrefix(record.tenant, record.run);
  const isComplete = record.state === 'finished';
  const parts = (isComplete ? await finishedParts(prefix, results) : await openParts(record, ledger)).toSorted();
  const rest = after === undefined ? parts : parts.filter((part) => part >= after.part);
  const items: ResultRow[] = [];
  for (const [n, part] of rest.entries()) {
    const skip = part === after?.part ? after.rows : 0;
    let rows = 0;
    for await (const row of readRows(results, prefix + part)) {
      // A part begins with a header.
      if (!('verdict' in row)) continue;
      if (++rows <= skip || !isWanted(row)) continue;
      items.push(row);
      if (items.length === limit) return { items, last: { part, rows }, isComplete };
    }
    const isLast = n === rest.length - 1;
    if (!isLast && n === PARTS_A_PAGE - 1) return { items, last: { part, rows }, isComplete };
  }
  return { items, isComplete };
}

async function finishedParts(prefix: string, results: ApiPorts['results']): Promise<string[]> {
  const { files } = JSON.parse(Buffer.from(await results.read(prefix + MANIFEST_FILE_NAME)).toString()) as RunManifest;
  return files.map(({ path }) => path).filter((path) => parsePartPath(path) !== undefined);
}

async function openParts(record: RunRecord, ledger: ApiPorts['ledger']): Promise<string[]> {
  return isPlanned(record) ? newestParts(await readAllShards(ledger, record)) : [];
}
