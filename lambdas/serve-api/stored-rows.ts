import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BrokenObjectError } from '../../shared/errors.ts';
import { partPath } from '../../shared/names.ts';
import type { ObjectStore, StoredObject } from '../../shared/ports.ts';
import type { ShardRecord } from '../../shared/records.ts';
import type { ResultRow } from '../../shared/rows.ts';

/** Rows of a part or of the file of errors; none if there is no such object. @throws BrokenObjectError if it is cut */
export async function* readRows(results: Pick<ObjectStore, 'open'>, key: string): AsyncGenerator<ResultRow> {
  const object = await results.open(key);
  if (object) yield* rowsOf(object, key);
}

/** A part's header passes for a row without a verdict. @throws BrokenObjectError if the object is cut */
export async function* rowsOf(object: StoredObject, key: string): AsyncGenerator<ResultRow> {
  // `pipeline` hands a fault of the source on to the reader of the unpacked stream; its callback has nothing left to do.
  const unpacked = pipeline(Readable.from(object.body), createGunzip(), () => undefined).setEncoding('utf8') as AsyncIterable<string>;
  let rest = '';
  for await (const text of unpacked) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as ResultRow;
  }
  if (rest !== '') throw new BrokenObjectError(`expected the object ${key} to end with a line end, it is cut`);
}

/** Paths of the newest part of each batch that has one, in the order of shards and batches. */
export const newestParts = (shards: readonly ShardRecord[]): string[] =>
  shards.flatMap(({ shard, b }) => Object.entries(b).flatMap(([batch, { h }]) => (h === '-' ? [] : [partPath(shard, Number(batch), h)])));
