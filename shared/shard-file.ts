import { planPrefix, shardFileName } from './names.ts';
import type { ObjectStore } from './ports.ts';
import type { ShardRecord } from './records.ts';
import type { PlannedItem } from './rows.ts';

/** A batch's items: its byte range of the shard file. */
export async function readBatchItems(results: Pick<ObjectStore, 'read'>, shard: ShardRecord, batch: number): Promise<PlannedItem[]> {
  const bytes = await results.read(shardFileKey(shard), { start: shard.offsets[batch]!, end: shard.offsets[batch + 1]! });
  return Buffer.from(bytes).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as PlannedItem);
}

/** Each row of a shard file begins with it. */
const ROW_START = '{"line":';

/** The line that a row of a shard file is of, without reading the row. */
export const lineOf = (row: string): number => Number.parseInt(row.slice(ROW_START.length), 10);

export const shardFileKey = (shard: ShardRecord): string => `${planPrefix(shard.tenant, shard.run, shard.plan)}${shardFileName(shard.shard)}`;
