import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

const RING_LINES = 500;

/** What functions print: a file each below a folder, and the last lines in memory. */
export class FunctionLogs {
  readonly #folder: string | undefined;
  readonly #files = new Map<string, WriteStream>();
  readonly #rings = new Map<string, string[]>();

  /** @param folder undefined keeps the last lines only */
  constructor(folder: string | undefined) {
    this.#folder = folder;
    if (folder !== undefined) mkdirSync(folder, { recursive: true });
  }

  append(functionName: string, text: string): void {
    this.#fileOf(functionName)?.write(text);
    const ring = this.#rings.get(functionName) ?? [];
    ring.push(...text.split('\n').filter((line) => line !== ''));
    this.#rings.set(functionName, ring.slice(-RING_LINES));
  }

  /** The last lines, oldest first. */
  tail(functionName: string): readonly string[] {
    return this.#rings.get(functionName) ?? [];
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map((file) => finished(file.end())));
  }

  #fileOf(functionName: string): WriteStream | undefined {
    if (this.#folder === undefined) return undefined;
    const open = this.#files.get(functionName) ?? createWriteStream(join(this.#folder, `${functionName}.log`), { flags: 'a' });
    this.#files.set(functionName, open);
    return open;
  }
}
