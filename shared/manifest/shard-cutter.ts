import { MAX_SHARD_BATCHES, MAX_SHARD_BYTES, MAX_SHARD_ITEMS } from './limits.ts';

/** Where the batches of a shard are: what its ledger record is made of. */
export interface ShardPlan {
  readonly shard: number;
  /** Items of each batch. */
  readonly sizes: readonly number[];
  /** Byte offset of each batch in the shard file, and the file's length last. */
  readonly offsets: readonly number[];
}

export interface CutShard {
  readonly plan: ShardPlan;
  readonly body: Uint8Array;
}

/**
 * Cuts items, in the order they come, into shards of at most 5,000 items, 32 batches and 8 MiB. Inside a shard the items of one limit key
 * stand together (keys and items in order of appearance), so that a batch meets few hosts.
 */
export class ShardCutter {
  readonly #itemsPerBatch: number;
  readonly #maxItems: number;
  #groups = new Map<string, string[]>();
  #items = 0;
  #bytes = 0;
  #shard = 0;

  constructor(itemsPerBatch: number) {
    this.#itemsPerBatch = itemsPerBatch;
    this.#maxItems = Math.min(MAX_SHARD_ITEMS, itemsPerBatch * MAX_SHARD_BATCHES);
  }

  /** Takes an item as its NDJSON row without line end. @returns the shard that it found full */
  add(row: string, limitKey = ''): CutShard | undefined {
    const bytes = Buffer.byteLength(row) + 1;
    const isFull = this.#items === this.#maxItems || (this.#bytes + bytes > MAX_SHARD_BYTES && this.#items > 0);
    const full = isFull ? this.end() : undefined;
    const group = this.#groups.get(limitKey);
    if (group === undefined) this.#groups.set(limitKey, [row]);
    else group.push(row);
    this.#items++;
    this.#bytes += bytes;
    return full;
  }

  /** @returns the last shard, undefined if no item is left */
  end(): CutShard | undefined {
    if (this.#items === 0) return undefined;
    const cut = cutBatches(this.#shard++, [...this.#groups.values()].flat(), this.#itemsPerBatch);
    this.#groups = new Map();
    this.#items = 0;
    this.#bytes = 0;
    return cut;
  }
}

function cutBatches(shard: number, rows: readonly string[], itemsPerBatch: number): CutShard {
  const batches: Buffer[] = [];
  const sizes: number[] = [];
  const offsets = [0];
  for (let at = 0; at < rows.length; at += itemsPerBatch) {
    const batch = rows.slice(at, at + itemsPerBatch);
    const bytes = Buffer.from(`${batch.join('\n')}\n`);
    batches.push(bytes);
    sizes.push(batch.length);
    offsets.push(offsets.at(-1)! + bytes.length);
  }
  return { plan: { shard, sizes, offsets }, body: Buffer.concat(batches) };
}
