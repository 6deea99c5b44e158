import { createHash } from 'node:crypto';
import type { ByteRange, ObjectEntry, ObjectHead, ObjectStore, StoredObject } from '../../shared/ports.ts';

interface MemoryObject {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A bucket in memory. Every version of a key is kept; versions are named `1`, `2` … in order of writing. */
export class MemoryObjectStore implements ObjectStore {
  readonly bucket: string;
  readonly #objects = new Map<string, MemoryObject[]>();
  /** Bodies are handed out in chunks of this size. */
  readonly #chunkBytes: number;

  constructor(bucket: string, chunkBytes = 64 * 1024) {
    this.bucket = bucket;
    this.#chunkBytes = chunkBytes;
  }

  async open(key: string, version?: string): Promise<StoredObject | undefined> {
    const head = await this.head(key, version);
    return head === undefined ? undefined : { ...head, body: chunksOf(this.#find(key, version)!.bytes, this.#chunkBytes) };
  }

  head(key: string, version?: string): Promise<ObjectHead | undefined> {
    const object = this.#find(key, version);
    if (object === undefined) return Promise.resolve(undefined);
    const { bytes, contentType, metadata } = object;
    return Promise.resolve({ bytes: bytes.length, etag: createHash('md5').update(bytes).digest('hex'), metadata, contentType });
  }

  read(key: string, range?: ByteRange): Promise<Uint8Array> {
    const object = this.#find(key);
    if (object === undefined) return Promise.reject(new Error(`expected an object ${key}, got none`));
    return Promise.resolve(object.bytes.slice(range?.start, range?.end));
  }

  write(key: string, body: Uint8Array | string, contentType: string): Promise<void> {
    this.put(key, Buffer.from(body), { contentType });
    return Promise.resolve();
  }

  async writeStream(key: string, chunks: AsyncIterable<Uint8Array>, contentType: string): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of chunks) pieces.push(chunk);
    this.put(key, Buffer.concat(pieces), { contentType });
  }

  async *list(prefix: string): AsyncGenerator<ObjectEntry> {
    for (const key of this.keys(prefix)) yield { key, bytes: this.#find(key)!.bytes.length };
  }

  /** Stores at once. @returns the version */
  put(key: string, bytes: Uint8Array, { contentType = 'application/octet-stream', metadata = {} }: { contentType?: string; metadata?: Record<string, string> } = {}): string {
    const versions = this.#objects.get(key) ?? [];
    this.#objects.set(key, [...versions, { bytes, contentType, metadata }]);
    return String(versions.length + 1);
  }

  bytesOf(key: string): Uint8Array {
    return this.#find(key)!.bytes;
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }

  /** Sorted, as S3 lists them. */
  keys(prefix = ''): string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  #find(key: string, version?: string): MemoryObject | undefined {
    const versions = this.#objects.get(key);
    return version === undefined ? versions?.at(-1) : versions?.[Number(version) - 1];
  }
}

export async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
