import { createHash } from 'node:crypto';

/** Names of objects, records and messages, built in one place. */

/** S3 keys of a run, all in the results bucket. */
export const runPrefix = (tenant: string, run: string): string => `${tenant}/${run}/`;
export const planPrefix = (tenant: string, run: string, nonce: string): string => `${runPrefix(tenant, run)}plan/${nonce}/`;
export const shardFileName = (shard: number): string => `shards/${padShard(shard)}.ndjson`;
export const SHARD_LIST_NAME = 'shards.json';
export const INVALID_FILE_NAME = 'invalid.ndjson.gz';
export const DUPLICATES_FILE_NAME = 'duplicates.ndjson.gz';
/** The rows that expansions gave; only there if a row asked. */
export const EXPANDED_FILE_NAME = 'expanded.ndjson.gz';
/** Sizes and offsets of every shard: what its ledger record is made of. */
export const SHARD_PLANS_FILE_NAME = 'records.ndjson';
export const MANIFEST_FILE_NAME = 'manifest.json';
export const ERRORS_FILE_NAME = 'errors.ndjson.gz';

/** Path below the run's prefix. Parts of one batch sort together; the hash is the part's id. */
export const partPath = (shard: number, batch: number, part: string): string =>
  `results/${padShard(shard)}-${String(batch).padStart(2, '0')}-${part}.ndjson.gz`;

const PART_PATH = /^results\/(\d{5,})-(\d{2})-([\w-]{43})\.ndjson\.gz$/;

/** The inverse of `partPath`, or undefined for any other path. */
export function parsePartPath(path: string): { shard: number; batch: number; part: string } | undefined {
  const match = PART_PATH.exec(path);
  return match ? { shard: Number(match[1]), batch: Number(match[2]), part: match[3]! } : undefined;
}

const padShard = (shard: number): string => String(shard).padStart(5, '0');

/** A part's id: 43 characters that name its bytes. */
export const partId = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url');

/**
 * The run's id follows from what was uploaded: the same version of the same object is the same run.
 * 26 characters of base32 (130 bits): valid as an execution name (at most 80) and as a path segment.
 */
export function runIdOf(source: { bucket: string; key: string; version: string }): string {
  const digest = createHash('sha256').update(JSON.stringify([source.bucket, source.key, source.version])).digest();
  return `r${toBase32(digest).slice(0, 25)}`;
}

export const RUN_ID_PATTERN = /^r[a-z2-7]{25}$/;
export const isRunId = (text: string): boolean => RUN_ID_PATTERN.test(text);

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(value >>> (bits - 5)) & 31];
  }
  return text;
}

export const TENANT_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A tenant's id is a DNS label: it stands in keys, lanes and URLs. */
export const isTenantId = (text: string): boolean => TENANT_PATTERN.test(text);

/** What merge-results wrote, for finish-run: JSON, a list of `FileEntry`. */
export const mergedKey = (run: { tenant: string; run: string; plan: string }): string => `${planPrefix(run.tenant, run.run, run.plan)}merged.json`;

/** What an operator calls an API: part of a parameter's name and of limits' keys. */
export const isApiName = (text: string): boolean => /^[a-z][a-z\d-]{0,62}$/.test(text);

/** The environment variable that holds an API where there is no parameter store: `SPILLWAY_API_OPENAI`. */
export const apiVariable = (api: string): string => `SPILLWAY_API_${api.toUpperCase().replaceAll('-', '_')}`;

/** Where a run stands in the lists of runs, in order of time. */
export const listPlace = ({ createdAt, run }: { readonly createdAt: string; readonly run: string }): string => `${createdAt}#${run}`;
