import { planPrefix, shardFileName } from './names.ts';
import type { ObjectStore } from './ports.ts';
import type { ShardRecord } from './records.ts';
import type { PlannedItem } from './rows.ts';

/** A batch's items: its byte range of the shard file. */
export async function readBatchItems(results: Pick<ObjectStore, 'read'>, shard: ShardRecord, batch: number): Promise<PlannedItem[]> {
  const bytes = await results.read(keyOf(shard), { start: shard.offsets[batch]!, end: shard.offsets[batch + 1]! });
  return Buffer.from(bytes).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as PlannedItem);
}

const keyOf = (shard: ShardRecord): string => `${planPrefix(shard.tenant, shard.run, shard.plan)}${shardFileName(shard.shard)}`;
