import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync, gzip } from 'node:zlib';
import { batchOf } from './batch-state.ts';
import { BrokenObjectError, RecountError } from './errors.ts';
import { partId, partPath, runPrefix } from './names.ts';
import type { ObjectStore } from './ports.ts';
import type { RunRecord, ShardRecord } from './records.ts';
import type { PartHeader, ResultRow } from './rows.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Bytes of a part that hold its header for sure: it is one short row, and gzip never doubles a text. */
const HEADER_BYTES = 1024;

export interface Part {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A part as it is stored: the header, then a row an item, NDJSON in gzip. */
export async function packPart(header: Omit<PartHeader, 'v' | 'rows'>, rows: readonly ResultRow[]): Promise<Part> {
  const head: PartHeader = { v: 1, ...header, rows: rows.length };
  const bytes = await zip(`${[head, ...rows].map((row) => JSON.stringify(row)).join('\n')}\n`);
  return { id: partId(bytes), bytes };
}

/** @throws BrokenObjectError if the bytes are not what the part's name says */
export async function unpackPart(id: string, bytes: Uint8Array): Promise<{ header: PartHeader; rows: ResultRow[] }> {
  if (partId(bytes) !== id) throw new BrokenObjectError(`expected part ${id}, its bytes are those of ${partId(bytes)}`);
  const [header, ...rows] = (await unzip(bytes)).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
  return { header: header as PartHeader, rows: rows as ResultRow[] };
}

/** Writes the part of a batch's next settlement, as its record stands. @returns the part's id */
export async function writePart(store: ObjectStore, shard: ShardRecord, { batch, owner }: { batch: number; owner: string }, rows: readonly ResultRow[]): Promise<string> {
  const { q, h } = batchOf(shard, batch);
  const part = await packPart({ run: shard.run, shard: shard.shard, batch, q: q + 1, owner, previous: h === '-' ? null : h }, rows);
  await store.write(`${runPrefix(shard.tenant, shard.run)}${partPath(shard.shard, batch, part.id)}`, part.bytes, 'application/gzip');
  return part.id;
}

/** A batch's settled parts in the order of their settlements. */
export interface Chain {
  readonly shard: number;
  readonly batch: number;
  readonly parts: readonly string[];
}

/**
 * Walks back from the last part of a batch (`h`) over `previous`. Every settlement writes one part, so the chain has q of them.
 * @throws RecountError if it has not
 */
export async function walkChain(store: ObjectStore, run: RunRecord, shard: ShardRecord, batch: number): Promise<Chain> {
  const { q, h } = batchOf(shard, batch);
  const parts: string[] = [];
  for (let part: string | null = q === 0 ? null : h; part !== null; ) {
    parts.unshift(part);
    // The first settlement has no predecessor: most batches need no read at all.
    part = parts.length === q ? null : await readPrevious(store, `${runPrefix(run.tenant, run.run)}${partPath(shard.shard, batch, part)}`);
  }
  if (parts.length !== q) throw new RecountError(`expected ${q} parts of batch ${shard.shard}/${batch} of run ${run.run}, its chain has ${parts.length}`);
  return { shard: shard.shard, batch, parts };
}

async function readPrevious(store: ObjectStore, key: string): Promise<string | null> {
  const size = (await store.head(key))?.bytes ?? 0;
  const head = await store.read(key, { start: 0, end: Math.min(size, HEADER_BYTES) });
  // SYNC_FLUSH: the rest of the stream is not here, and that is no fault.
  const text = gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  return (JSON.parse(text.slice(0, text.indexOf('\n'))) as PartHeader).previous;
}

/** Reads one part of a run. */
export async function readPart(store: ObjectStore, run: RunRecord, ref: { shard: number; batch: number; part: string }): Promise<ResultRow[]> {
  const key = `${runPrefix(run.tenant, run.run)}${partPath(ref.shard, ref.batch, ref.part)}`;
  return (await unpackPart(ref.part, await store.read(key))).rows;
}
