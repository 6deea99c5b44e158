import { createHash } from 'node:crypto';
import { decodeCut } from './manifest/manifest-row.ts';

const SUFFIX = '.refused.json';
/** S3: UTF-8 of a key. */
const MAX_KEY_BYTES = 1024;
const HASH_CHARACTERS = 16;

/** What stands beside a manifest that can't become a run: `<key>.refused.json`. A key that leaves no room for it is cut and told apart by a hash. */
export function refusalKey(manifestKey: string): string {
  const bytes = Buffer.from(manifestKey);
  if (bytes.length + SUFFIX.length <= MAX_KEY_BYTES) return manifestKey + SUFFIX;
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, HASH_CHARACTERS);
  return `${decodeCut(bytes.subarray(0, MAX_KEY_BYTES - SUFFIX.length - HASH_CHARACTERS - 1))}-${hash}${SUFFIX}`;
}

export const isRefusalKey = (key: string): boolean => key.endsWith(SUFFIX);

/** The file's text. */
export const describeRefusal = (run: string, message: string): string =>
  `${JSON.stringify({ v: 1, run, error: 'ManifestRefusedError', message }, null, 1)}\n`;
