import { batchOf, isLeased } from '../../shared/batch-state.ts';
import { DUPLICATES_FILE_NAME, INVALID_FILE_NAME, planPrefix } from '../../shared/names.ts';
import { parseOrdinals } from '../../shared/ordinals.ts';
import { readPart, walkChain } from '../../shared/parts.ts';
import { isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { PlannedRun, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { DuplicateRow, InvalidRow, PlannedItem, ResultRow } from '../../shared/rows.ts';
import { lineOf, shardFileKey } from '../../shared/shard-file.ts';
import { readRows } from './stored-rows.ts';
import type { ItemName } from './item-id.ts';
import type { ApiPorts } from './ports.ts';

/** Where a planned item is worked on. */
export interface ItemPlace {
  readonly shard: ShardRecord;
  readonly batch: number;
  /** Position in its batch. */
  readonly ordinal: number;
  readonly item: PlannedItem;
}

export type FoundItem =
  | { readonly kind: 'unplanned' }
  | { readonly kind: 'invalid'; readonly row: InvalidRow }
  | { readonly kind: 'duplicate'; readonly row: DuplicateRow }
  | { readonly kind: 'open'; readonly place: ItemPlace; readonly isInWork: boolean }
  | { readonly kind: 'done'; readonly place: ItemPlace; readonly row: ResultRow };

type Ports = Pick<ApiPorts, 'ledger' | 'results' | 'clock'>;

/**
 * What became of a line: its run's records say which shard may have it, that shard's file where it is, and a part how it ended.
 * @returns undefined if the run has no such line
 */
export async function findItem(record: RunRecord, { line }: Pick<ItemName, 'line'>, ports: Ports): Promise<FoundItem | undefined> {
  if (!isPlanned(record)) return { kind: 'unplanned' };
  const shards = await readAllShards(ports.ledger, record);
  // Only a redriven run, whose rows come in the order of the old run's parts, has more than one that may.
  const place = await findPlace(shards.filter((shard) => mayHave(shard, line)), line, ports);
  return place ? placedItem(record, place, ports) : findAside(record, line, ports);
}

const mayHave = ({ lines }: ShardRecord, line: number): boolean => lines === undefined || (lines[0] <= line && line <= lines[1]);

async function findPlace(shards: readonly ShardRecord[], line: number, { results }: Ports): Promise<ItemPlace | undefined> {
  for (const shard of shards) {
    const rows = Buffer.from(await results.read(shardFileKey(shard))).toString().split('\n');
    const at = rows.findIndex((row) => lineOf(row) === line);
    if (at >= 0) return { shard, ...batchAt(shard, at), item: JSON.parse(rows[at]!) as PlannedItem };
  }
  return undefined;
}

/** The batch of a shard's n-th row. */
function batchAt({ sizes }: ShardRecord, row: number): { readonly batch: number; readonly ordinal: number } {
  let ordinal = row;
  let batch = 0;
  while (ordinal >= sizes[batch]!) ordinal -= sizes[batch++]!;
  return { batch, ordinal };
}

async function placedItem(run: PlannedRun, place: ItemPlace, { results, clock }: Ports): Promise<FoundItem> {
  const state = batchOf(place.shard, place.batch);
  if (parseOrdinals(state.l).includes(place.ordinal)) return { kind: 'open', place, isInWork: isLeased(state, clock()) };
  const row = await findRow(run, place, results);
  return row ? { kind: 'done', place, row } : { kind: 'open', place, isInWork: true };
}

/** The newest part first. */
async function findRow(run: PlannedRun, { shard, batch, item }: ItemPlace, results: Ports['results']): Promise<ResultRow | undefined> {
  const { parts } = await walkChain(results, run, shard, batch);
  for (const part of parts.toReversed()) {
    const row = (await readPart(results, run, { shard: shard.shard, batch, part })).find(({ line }) => line === item.line);
    if (row) return row;
  }
  return undefined;
}

/** Lines without a place in a shard: their files are read up to the line. */
async function findAside({ tenant, run, plan }: PlannedRun, line: number, { results }: Ports): Promise<FoundItem | undefined> {
  const find = async (name: string): Promise<{ readonly line: number } | undefined> => {
    for await (const row of readRows(results, planPrefix(tenant, run, plan) + name)) if (row.line === line) return row;
    return undefined;
  };
  const duplicate = await find(DUPLICATES_FILE_NAME);
  if (duplicate) return { kind: 'duplicate', row: duplicate as DuplicateRow };
  const invalid = await find(INVALID_FILE_NAME);
  return invalid && { kind: 'invalid', row: invalid as InvalidRow };
}
