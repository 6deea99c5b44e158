import { freshBatch } from '../../shared/batch-state.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';
import type { ManifestSource } from '../../shared/rows.ts';

/** Records as the planner writes them. Everything may be overridden. */

export const RUN_ID = 'raaaaaaaaaaaaaaaaaaaaaaaaa';

export const aSource = (changes: Partial<ManifestSource> = {}): ManifestSource => ({
  bucket: 'manifests',
  key: 'acme/noop/list.txt',
  version: 'v1',
  bytes: 10,
  etag: 'e',
  ...changes,
});

export const aRun = (changes: Partial<RunRecord> = {}): RunRecord => ({
  v: 1,
  run: RUN_ID,
  tenant: 'acme',
  processor: 'noop',
  workerClass: 'standard',
  options: {},
  source: aSource(),
  state: 'open',
  createdAt: '2026-01-01T00:00:00.000Z',
  execution: RUN_ID,
  attempt: 0,
  ...changes,
});

/** @param sizes items of each batch */
export const aShard = (sizes: readonly number[], changes: Partial<ShardRecord> = {}): ShardRecord => ({
  v: 1,
  run: RUN_ID,
  tenant: 'acme',
  shard: 0,
  plan: 'p1',
  n: sizes.length,
  nd: 0,
  ok: 0,
  ko: 0,
  sk: 0,
  sizes,
  offsets: [0, ...sizes.map((_, i) => 100 * (i + 1))],
  b: Object.fromEntries(sizes.map((size, k) => [k, freshBatch(size)])),
  ...changes,
});
