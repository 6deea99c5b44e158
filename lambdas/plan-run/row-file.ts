import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { ObjectStore } from '../../shared/ports.ts';

/** Rows are compressed in pieces of this size, cut by the rows alone: the same rows give the same bytes. */
const PIECE_CHARACTERS = 64 * 1024;
/** Half the time of the default for a tenth more bytes. */
const GZIP_LEVEL = 3;

/** An NDJSON object that is written while its rows come. `.gz` in the key compresses it. */
export class RowFile {
  readonly #stream: Transform;
  readonly #upload: Promise<void>;
  #pieces: string[] = [];
  #rows = '';

  constructor(store: ObjectStore, key: string) {
    const isPacked = key.endsWith('.gz');
    this.#stream = isPacked ? createGzip({ level: GZIP_LEVEL }) : new PassThrough();
    this.#upload = store.writeStream(key, this.#stream as AsyncIterable<Uint8Array>, isPacked ? 'application/gzip' : 'application/x-ndjson');
    this.#stream.on('error', () => undefined);
    // Looked at by `drain` and `end`; until then a failure must not end the process.
    this.#upload.catch(() => undefined);
  }

  add(row: object): void {
    this.#rows += `${JSON.stringify(row)}\n`;
    if (this.#rows.length >= PIECE_CHARACTERS) this.#cutPiece();
  }

  /** Hands on what is ready; waits while the store is slower than the rows. */
  async drain(): Promise<void> {
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) {
      if (!this.#stream.write(piece)) await Promise.race([once(this.#stream, 'drain'), this.#upload]);
    }
  }

  /** Resolves when the object is stored. */
  async end(): Promise<void> {
    this.#cutPiece();
    await this.drain();
    this.#stream.end();
    await this.#upload;
  }

  /** Gives up: nothing is stored. */
  async discard(): Promise<void> {
    this.#stream.destroy(new Error('the planning of the run failed'));
    await this.#upload.catch(() => undefined);
  }

  #cutPiece(): void {
    if (this.#rows !== '') this.#pieces.push(this.#rows);
    this.#rows = '';
  }
}
