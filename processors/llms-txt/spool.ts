import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);
/** A function's disk is small and its processor slow: the fastest level. */
const PACKING = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const FLUSH_BYTES = 1024 * 1024;

export interface SpoolRef {
  readonly offset: number;
  readonly bytes: number;
}

/** Texts in one temporary file, packed: what a run's pages take does not fit into memory. */
export class TextSpool implements AsyncDisposable {
  readonly #folder: string;
  readonly #file: FileHandle;
  #end = 0;
  #written = 0;
  #pending: Uint8Array[] = [];

  private constructor(folder: string, file: FileHandle) {
    this.#folder = folder;
    this.#file = file;
  }

  static async create(): Promise<TextSpool> {
    const folder = await mkdtemp(join(tmpdir(), 'spillway-merge-'));
    return new TextSpool(folder, await open(join(folder, 'texts'), 'wx+', 0o600));
  }

  /** One at a time. */
  async add(text: string): Promise<SpoolRef> {
    const packed = await pack(text, PACKING);
    const ref = { offset: this.#end, bytes: packed.byteLength };
    this.#end += packed.byteLength;
    this.#pending.push(packed);
    if (this.#end - this.#written >= FLUSH_BYTES) await this.flush();
    return ref;
  }

  /** Before the first `read`. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    await this.#file.write(bytes, 0, bytes.byteLength, this.#written);
    this.#written += bytes.byteLength;
  }

  async read({ offset, bytes }: SpoolRef): Promise<string> {
    const { buffer } = await this.#file.read(Buffer.alloc(bytes), 0, bytes, offset);
    return (await unpack(buffer)).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
