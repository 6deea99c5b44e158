import { lengthsOfRuns } from '../runs.ts';
import { lineOf } from '../shard-file.ts';
import type { Runs } from '../records.ts';
import { MAX_SHARD_BATCHES, MAX_SHARD_BYTES, MAX_SHARD_ITEMS } from './limits.ts';

/** Where the batches of a shard are: what its ledger record is made of. */
export interface ShardPlan {
  readonly shard: number;
  /** Items of each batch. */
  readonly sizes: readonly number[];
  /** Byte offset of each batch in the shard file, and the file's length last. */
  readonly offsets: readonly number[];
  /** As in `ShardRecord`. */
  readonly lines?: readonly [least: number, greatest: number];
  /** As in `ShardRecord`. */
  readonly keys?: Runs;
  readonly groups?: Runs;
}

export interface CutShard {
  readonly plan: ShardPlan;
  readonly body: Uint8Array;
}

/** An item's limit key and group, `''` if it has none. */
export interface ItemTraits {
  readonly limitKey?: string | undefined;
  readonly group?: string | undefined;
}

interface Batch {
  readonly rows: readonly string[];
  readonly key: string;
  readonly group: string;
}

/**
 * Cuts items, in the order they come, into shards of at most 5,000 items, 32 batches and 8 MiB. A batch holds items of one group. As many batches
 * as can be hold items of one limit key, so that the dispatcher knows what they wait for; what is left over of the keys stands together, key by key.
 */
export class ShardCutter {
  readonly #itemsPerBatch: number;
  /** Group -> limit key -> rows, in order of appearance. */
  #groups = new Map<string, Map<string, string[]>>();
  #items = 0;
  #bytes = 0;
  #shard = 0;

  constructor(itemsPerBatch: number) {
    this.#itemsPerBatch = itemsPerBatch;
  }

  /** Takes an item as its NDJSON row without line end. @returns the shards that it found full */
  add(row: string, { limitKey = '', group = '' }: ItemTraits = {}): CutShard[] {
    const bytes = Buffer.byteLength(row) + 1;
    const isFull = this.#items >= this.#maxItems() || (this.#bytes + bytes > MAX_SHARD_BYTES && this.#items > 0);
    const full = isFull ? this.end() : [];
    this.#rowsOf(group, limitKey).push(row);
    this.#items++;
    this.#bytes += bytes;
    return full;
  }

  /** @returns the last shards, none if no item is left */
  end(): CutShard[] {
    const batches = [...this.#groups].flatMap(([group, keys]) => cutGroup(group, keys, this.#itemsPerBatch));
    this.#groups = new Map();
    this.#items = 0;
    this.#bytes = 0;
    const shards: CutShard[] = [];
    for (let at = 0; at < batches.length; at += MAX_SHARD_BATCHES) shards.push(describeShard(this.#shard++, batches.slice(at, at + MAX_SHARD_BATCHES)));
    return shards;
  }

  /** Without groups a shard is full with its batches; of many small groups only a look at more items makes batches that are worth sending. */
  #maxItems(): number {
    const hasGroups = this.#groups.size > 1;
    return hasGroups ? MAX_SHARD_ITEMS : Math.min(MAX_SHARD_ITEMS, this.#itemsPerBatch * MAX_SHARD_BATCHES);
  }

  #rowsOf(group: string, limitKey: string): string[] {
    const keys = this.#groups.get(group) ?? new Map<string, string[]>();
    const rows = keys.get(limitKey) ?? [];
    this.#groups.set(group, keys.set(limitKey, rows));
    return rows;
  }
}

/** Full batches of one key each, then what is left of all keys. There are no more of them than if keys did not count. */
function cutGroup(group: string, keys: ReadonlyMap<string, readonly string[]>, itemsPerBatch: number): Batch[] {
  const batches: Batch[] = [];
  const rest: { readonly row: string; readonly key: string }[] = [];
  for (const [key, rows] of keys) {
    const whole = rows.length - (rows.length % itemsPerBatch);
    for (let at = 0; at < whole; at += itemsPerBatch) batches.push({ rows: rows.slice(at, at + itemsPerBatch), key, group });
    for (const row of rows.slice(whole)) rest.push({ row, key });
  }
  for (let at = 0; at < rest.length; at += itemsPerBatch) {
    const batch = rest.slice(at, at + itemsPerBatch);
    const isOfOneKey = batch.every(({ key }) => key === batch[0]!.key);
    batches.push({ rows: batch.map(({ row }) => row), key: isOfOneKey ? batch[0]!.key : '', group });
  }
  return batches;
}

function describeShard(shard: number, batches: readonly Batch[]): CutShard {
  const bodies = batches.map(({ rows }) => Buffer.from(`${rows.join('\n')}\n`));
  const offsets = [0];
  for (const { length } of bodies) offsets.push(offsets.at(-1)! + length);
  const sizes = batches.map(({ rows }) => rows.length);
  const keys = batches.map(({ key }) => key);
  const groups = batches.map(({ group }) => group);
  const plan: ShardPlan = { shard, sizes, offsets, lines: boundsOf(batches), ...(keys.some(isNamed) && { keys: lengthsOfRuns(keys) }), ...(groups.some(isNamed) && { groups: lengthsOfRuns(groups) }) };
  return { plan, body: Buffer.concat(bodies) };
}

function boundsOf(batches: readonly Batch[]): [number, number] {
  const bounds: [number, number] = [Infinity, -Infinity];
  for (const { rows } of batches) {
    for (const row of rows) {
      const line = lineOf(row);
      bounds[0] = Math.min(bounds[0], line);
      bounds[1] = Math.max(bounds[1], line);
    }
  }
  return bounds;
}

const isNamed = (name: string): boolean => name !== '';
