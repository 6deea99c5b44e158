import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ObjectStore } from '../../shared/ports.ts';

/** What a file turned out to be after it was read to its end. */
export interface FileFacts {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export type FileReading =
  | { readonly kind: 'read'; readonly facts: FileFacts }
  /** Bytes are there, but not as gzip or text; `facts` cover all of them. */
  | { readonly kind: 'broken'; readonly facts: FileFacts; readonly reason: string }
  | { readonly kind: 'missing' };

/** A longer line can't come from Spillway: an item's output is at most 8 MiB, its row 256 KiB. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Streams one file: hashes every stored byte and hands its lines (of the unpacked text if `isPacked`) to `onLine`, numbered from 1. */
export async function readFileLines(
  store: ObjectStore,
  key: string,
  onLine: (text: string, line: number) => void,
  isPacked = key.endsWith('.gz'),
): Promise<FileReading> {
  const object = await store.open(key);
  if (!object) return { kind: 'missing' };
  const tap = new HashTap(object.body);
  let reason: string | undefined;
  try {
    await splitLines(isPacked ? unpack(tap.chunks()) : tap.chunks(), onLine);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
    await tap.drain(() => store.open(key).then((again) => again?.body));
  }
  return reason === undefined ? { kind: 'read', facts: tap.facts() } : { kind: 'broken', facts: tap.facts(), reason };
}

/** Hashes one file without looking into it. */
export async function readFileFacts(store: ObjectStore, key: string): Promise<FileFacts | undefined> {
  const object = await store.open(key);
  if (!object) return undefined;
  const tap = new HashTap(object.body);
  for await (const _chunk of tap.chunks());
  return tap.facts();
}

/** `pipeline` hands a fault of the source on to the reader of the unpacked stream; its callback has nothing left to do. */
const unpack = (chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> => pipeline(Readable.from(chunks), createGunzip(), () => undefined);

class HashTap {
  #hash = createHash('sha256');
  #bytes = 0;
  #isWhole = false;
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#source) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      yield chunk;
    }
    this.#isWhole = true;
  }

  /** A broken gzip stops the reader early: the hash then comes from a second reading. */
  async drain(reopen: () => Promise<AsyncIterable<Uint8Array> | undefined>): Promise<void> {
    if (this.#isWhole) return;
    this.#hash = createHash('sha256');
    this.#bytes = 0;
    for await (const chunk of (await reopen()) ?? []) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
    }
  }

  facts(): FileFacts {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest('hex') };
  }
}

const NEWLINE = 0x0a;

async function splitLines(chunks: AsyncIterable<Uint8Array>, onLine: (text: string, line: number) => void): Promise<void> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let line = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      held.push(Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start));
      onLine(held.length === 1 ? held[0]!.toString() : Buffer.concat(held).toString(), ++line);
      held = [];
      heldBytes = 0;
      start = end + 1;
    }
    heldBytes += chunk.length - start;
    if (heldBytes > MAX_LINE_BYTES) throw new Error(`line ${line + 1} is longer than ${MAX_LINE_BYTES} bytes`);
    if (start < chunk.length) held.push(Buffer.from(chunk.subarray(start)));
  }
  if (heldBytes > 0) throw new Error(`line ${line + 1} does not end with a line feed`);
}
