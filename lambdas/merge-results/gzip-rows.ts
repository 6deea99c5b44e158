import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';

/** NDJSON in gzip, as a stream. */
export const gzipRows = (rows: AsyncIterable<object>): AsyncIterable<Uint8Array> =>
  Readable.from(toLines(rows), { objectMode: false }).compose(createGzip()) as AsyncIterable<Uint8Array>;

async function* toLines(rows: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`;
}
