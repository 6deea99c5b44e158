import { planPrefix, shardFileName } from './names.ts';
import type { ObjectStore } from './ports.ts';
import type { ShardRecord } from './records.ts';
import type { PlannedItem } from './rows.ts';

/** A batch's items: its byte range of the shard file. */
export async function readBatchItems(results: Pick<ObjectStore, 'read'>, shard: ShardRecord, batch: number): Promise<PlannedItem[]> {
  const bytes = await results.read(keyOf(shard), { start: shard.offsets[batch]!, end: shard.offsets[batch + 1]! });
  return Buffer.from(bytes).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as PlannedItem);
}

/** Most rows are shorter than this. */
const FIRST_READ_BYTES = 2048;

/** The first item of a batch, without reading the rest of it. */
export async function readFirstItem(results: Pick<ObjectStore, 'read'>, shard: ShardRecord, batch: number): Promise<PlannedItem> {
  const [start, end] = [shard.offsets[batch]!, shard.offsets[batch + 1]!];
  const head = Buffer.from(await results.read(keyOf(shard), { start, end: Math.min(end, start + FIRST_READ_BYTES) }));
  const length = head.indexOf('\n');
  return length < 0 ? (await readBatchItems(results, shard, batch))[0]! : (JSON.parse(head.subarray(0, length).toString()) as PlannedItem);
}

const keyOf = (shard: ShardRecord): string => `${planPrefix(shard.tenant, shard.run, shard.plan)}${shardFileName(shard.shard)}`;
