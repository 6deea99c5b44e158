import { batchOf, isLeased } from '../../shared/batch-state.ts';
import { DUPLICATES_FILE_NAME, INVALID_FILE_NAME, planPrefix, shardFileName } from '../../shared/names.ts';
import { parseOrdinals } from '../../shared/ordinals.ts';
import { readPart, walkChain } from '../../shared/parts.ts';
import { isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { PlannedRun, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { DuplicateRow, InvalidRow, PlannedItem, ResultRow } from '../../shared/rows.ts';
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

/** Enough for `{"line":…`, which each row of a shard file begins with. */
const LINE_BYTES = 32;

/**
 * What became of a line. A shard's lines are all below those of the next one, so that the shard is found by halving.
 * @returns undefined if the run has no such line
 */
export async function findItem(record: RunRecord, { line }: Pick<ItemName, 'line'>, ports: Ports): Promise<FoundItem | undefined> {
  if (!isPlanned(record)) return { kind: 'unplanned' };
  const shards = await readAllShards(ports.ledger, record);
  const likely = await likelyShards(record, { shards, line }, ports);
  const place = await findPlace(record, { shards: likely, line }, ports);
  if (place) return placedItem(record, place, ports);
  const aside = await findAside(record, line, ports);
  if (aside || record.redriveOf === undefined) return aside;
  // A redriven run's rows keep their lines, and come in the order of the old run's parts.
  const other = await findPlace(record, { shards: shards.filter((shard) => !likely.includes(shard)), line }, ports);
  return other && placedItem(record, other, ports);
}

interface Sought {
  readonly shards: readonly ShardRecord[];
  readonly line: number;
}

/** A shard's first row may be any of its lines: the line is in the last shard that begins at or before it, or in the next. */
async function likelyShards(run: PlannedRun, { shards, line }: Sought, { results }: Ports): Promise<ShardRecord[]> {
  let [low, high] = [0, shards.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((await firstLineOf(run, shards[middle]!, results)) <= line) low = middle + 1;
    else high = middle;
  }
  return shards.slice(Math.max(0, low - 1), low + 1);
}

const shardKey = ({ tenant, run, plan }: PlannedRun, { shard }: ShardRecord): string => planPrefix(tenant, run, plan) + shardFileName(shard);

async function firstLineOf(run: PlannedRun, shard: ShardRecord, results: Ports['results']): Promise<number> {
  const start = Buffer.from(await results.read(shardKey(run, shard), { start: 0, end: Math.min(LINE_BYTES, shard.offsets.at(-1)!) })).toString();
  return Number(/^\{"line":(\d+)/.exec(start)?.[1]);
}

async function findPlace(run: PlannedRun, { shards, line }: Sought, { results }: Ports): Promise<ItemPlace | undefined> {
  for (const shard of shards) {
    const rows = Buffer.from(await results.read(shardKey(run, shard))).toString().split('\n');
    const at = rows.findIndex((row) => row.startsWith(`{"line":${line},`));
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
