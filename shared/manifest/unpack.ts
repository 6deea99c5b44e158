import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ManifestRefusedError } from '../errors.ts';
import { MAX_GZIP_LAYERS, MAX_UNPACKED_BYTES } from './limits.ts';

type Bytes = AsyncIterable<Uint8Array>;

/** Enough to tell a format: the longest magic number and a csv header. */
const PREFIX_BYTES = 4096;
const GUNZIP_CHUNK_BYTES = 64 * 1024;

/** A manifest's bytes after gzip and byte order mark are taken off. */
export interface UnpackedManifest {
  /** The first bytes (up to 4 KiB, fewer only if there are no more). */
  readonly prefix: Uint8Array;
  /** All bytes, those of `prefix` included. */
  readonly body: Bytes;
}

/** Unpacks by content, not by name. @throws ManifestRefusedError if empty, truncated, damaged or too long once unpacked */
export async function unpackManifest(body: Bytes): Promise<UnpackedManifest> {
  let peeked = await peek(body);
  for (let layer = 0; isGzip(peeked.prefix); layer++) {
    if (layer === MAX_GZIP_LAYERS) throw new ManifestRefusedError(`expected at most ${MAX_GZIP_LAYERS} layers of gzip, got more: pack the manifest once`);
    peeked = await peek(capBytes(gunzip(peeked.body)));
  }
  const bomBytes = hasByteOrderMark(peeked.prefix) ? 3 : 0;
  if (peeked.prefix.length === bomBytes) throw new ManifestRefusedError('expected at least one row, got an empty file');
  return bomBytes === 0 ? peeked : { prefix: peeked.prefix.subarray(bomBytes), body: skipBytes(peeked.body, bomBytes) };
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
const hasByteOrderMark = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

async function peek(body: Bytes): Promise<UnpackedManifest> {
  const chunks = body[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  for (let bytes = 0; bytes < PREFIX_BYTES; bytes += seen.at(-1)!.length) {
    const next = await chunks.next();
    if (next.done === true) break;
    seen.push(next.value);
  }
  const start = Buffer.concat(seen);
  return { prefix: start.subarray(0, PREFIX_BYTES), body: resume(start, chunks) };
}

async function* resume(start: Uint8Array, chunks: AsyncIterator<Uint8Array>): Bytes {
  try {
    if (start.length > 0) yield start;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

async function* gunzip(packed: Bytes): Bytes {
  const source = Readable.from(packed, { objectMode: false });
  const unpacked = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
  // `pipe` hands no error on, and the source's own error must stay what it is: a cut download is retried, a damaged file is refused.
  source.on('error', (error) => unpacked.destroy(error));
  try {
    yield* source.pipe(unpacked) as Bytes;
  } catch (error) {
    throw refusalOfGzip(error);
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

function refusalOfGzip(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'Z_BUF_ERROR') return new ManifestRefusedError('expected a whole gzip file, got one that ends early: upload it again', { cause: error });
  if (typeof code === 'string' && code.startsWith('Z_')) {
    return new ManifestRefusedError(`expected a sound gzip file, got a damaged one (${(error as Error).message}): pack and upload it again`, { cause: error });
  }
  return error;
}

async function* capBytes(body: Bytes): Bytes {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_UNPACKED_BYTES) throw new ManifestRefusedError(`expected at most ${MAX_UNPACKED_BYTES / 1024 ** 3} GiB once unpacked, got more: split the manifest`);
    yield chunk;
  }
}

async function* skipBytes(body: Bytes, count: number): Bytes {
  let left = count;
  for await (const chunk of body) {
    if (chunk.length > left) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}
