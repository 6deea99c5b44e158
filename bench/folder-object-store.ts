import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ByteRange, ObjectEntry, ObjectHead, ObjectStore, StoredObject } from '../shared/ports.ts';

const READ_CHUNK_BYTES = 256 * 1024;

/** A bucket as a folder of plain files, one version a key: what the planner costs without a service between it and the disk. */
export class FolderObjectStore implements ObjectStore {
  readonly bucket: string;
  readonly #folder: string;

  constructor(bucket: string, folder: string) {
    this.bucket = bucket;
    this.#folder = folder;
  }

  async open(key: string): Promise<StoredObject | undefined> {
    const head = await this.head(key);
    return head && { ...head, body: createReadStream(join(this.#folder, key), { highWaterMark: READ_CHUNK_BYTES }) };
  }

  async read(key: string, range?: ByteRange): Promise<Uint8Array> {
    const path = join(this.#folder, key);
    if (range === undefined) return readFile(path);
    await using file = await open(path);
    const bytes = Buffer.alloc(range.end - range.start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, range.start);
    return bytes.subarray(0, bytesRead);
  }

  async write(key: string, body: Uint8Array | string): Promise<void> {
    await writeFile(await this.#pathFor(key), body);
  }

  async writeStream(key: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await pipeline(chunks, createWriteStream(await this.#pathFor(key)));
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const found = await stat(join(this.#folder, key)).catch(() => undefined);
    return found && { bytes: found.size, etag: '', metadata: {}, contentType: 'application/octet-stream' };
  }

  async *list(prefix: string): AsyncGenerator<ObjectEntry> {
    const names = await readdir(this.#folder, { recursive: true });
    for (const key of names.filter((name) => name.startsWith(prefix)).toSorted()) {
      const found = await stat(join(this.#folder, key));
      if (found.isFile()) yield { key, bytes: found.size };
    }
  }

  async #pathFor(key: string): Promise<string> {
    const path = join(this.#folder, key);
    await mkdir(dirname(path), { recursive: true });
    return path;
  }
}
