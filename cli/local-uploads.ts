import { readFile, stat } from 'node:fs/promises';
import type { UploadReader } from '../shared/uploads.ts';

/** Stands in for the uploads of a tenant where there is no stack: the files below the current folder. */
export const readLocalFile: UploadReader = async ({ key, maxBytes, signal }) => {
  const found = await stat(key).catch(() => undefined);
  if (!found?.isFile()) return { kind: 'missing' };
  if (found.size > maxBytes) return { kind: 'too large', bytes: found.size };
  return { kind: 'object', body: await readFile(key, { signal }), contentType: '' };
};
