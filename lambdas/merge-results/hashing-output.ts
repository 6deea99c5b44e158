import { createHash } from 'node:crypto';
import type { MergeOutput } from '../../processors/processor.ts';
import type { ObjectStore } from '../../shared/ports.ts';
import type { FileEntry } from '../../shared/rows.ts';

export type HashingOutput = MergeOutput & {
  /** What was written, the last writing of each path, sorted by path. */
  files(): FileEntry[];
};

/** Writes files below a prefix and notes size and SHA-256 of each as they pass. */
export function createHashingOutput(store: ObjectStore, prefix: string): HashingOutput {
  const entries = new Map<string, FileEntry>();
  const note = (path: string, bytes: number, sha256: string) => void entries.set(path, { path, bytes, sha256 });
  return {
    async write(path, body, contentType) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      await store.write(`${prefix}${path}`, bytes, contentType);
      note(path, bytes.byteLength, createHash('sha256').update(bytes).digest('hex'));
    },
    async writeStream(path, chunks, contentType) {
      const hash = createHash('sha256');
      let bytes = 0;
      const passing = async function* () {
        for await (const chunk of chunks) {
          const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
          bytes += piece.byteLength;
          hash.update(piece);
          yield piece;
        }
      };
      await store.writeStream(`${prefix}${path}`, passing(), contentType);
      note(path, bytes, hash.digest('hex'));
    },
    files: () => [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}
