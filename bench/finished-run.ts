import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { finishRun } from '../lambdas/finish-run/finish-run.ts';
import { mergeResults } from '../lambdas/merge-results/merge-results.ts';
import { planRun } from '../lambdas/plan-run/plan-run.ts';
import { mapConcurrently } from '../shared/map-concurrently.ts';
import { partPath, runIdOf, runPrefix } from '../shared/names.ts';
import { packPart } from '../shared/parts.ts';
import { readAllShards, readPlannedRun } from '../shared/planned-run.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { ShardRecord } from '../shared/records.ts';
import type { PlannedItem, ResultRow } from '../shared/rows.ts';
import { readBatchItems } from '../shared/shard-file.ts';
import { FolderLedger } from './folder-ledger.ts';
import { FolderObjectStore } from './folder-object-store.ts';
import { generateManifest } from './plan-rows.ts';
import { urlProcessor } from './url-processor.ts';
import { UNKNOWN_TENANTS } from '../test/support/unknown-tenants.ts';

/** Where a finished run of any size lies: a folder with its manifest, its results and its ledger. */
export interface BenchRun {
  readonly run: string;
  readonly tenant: string;
  readonly manifests: ObjectStore;
  readonly results: ObjectStore;
  readonly ledger: FolderLedger;
}

const TENANT = 'bench';
const MANIFEST = 'rows.jsonl.gz';
const STARTED_AT = '2026-01-01T00:00:00.000Z';
const BATCHES_AT_ONCE = 4;
/** Every tenth batch was settled in three parts, as after a deferral or a death; one item in fifty failed. */
const isInThreeParts = (batch: number): boolean => batch % 10 === 9;
const isFailing = (line: number): boolean => line % 50 === 13;

export function openBenchRun(folder: string): BenchRun {
  mkdirSync(folder, { recursive: true });
  const store = (name: string) => new FolderObjectStore(name, join(folder, name));
  return { run: runIdOf({ bucket: 'manifests', key: MANIFEST, version: '1' }), tenant: TENANT, manifests: store('manifests'), results: store('results'), ledger: new FolderLedger(join(folder, 'ledger')) };
}

/** Writes the run unless it is there. @returns whether it was: a fresh process measures its own memory only */
export async function provideBenchRun(folder: string, rows: number): Promise<boolean> {
  if (existsSync(folder)) return true;
  rmSync(`${folder}.new`, { recursive: true, force: true });
  await writeBenchRun(`${folder}.new`, rows);
  renameSync(`${folder}.new`, folder);
  console.log('The run is ready. Run again: a fresh process measures its own memory only.');
  return false;
}

/** Writes the run with the real planner, merge and finish; the workers' parts are made up. */
async function writeBenchRun(folder: string, rows: number): Promise<void> {
  const bench = openBenchRun(folder);
  const { run, ledger, results, manifests } = bench;
  const path = join(folder, 'manifests', MANIFEST);
  mkdirSync(join(folder, 'manifests'), { recursive: true });
  await generateManifest(path, rows, 'jsonl');
  const source = { bucket: 'manifests', key: MANIFEST, version: '1', bytes: statSync(path).size, etag: '' };
  ledger.putRun({ v: 1, run, tenant: TENANT, processor: urlProcessor.name, workerClass: 'standard', options: {}, source, state: 'open', createdAt: STARTED_AT, execution: run, attempt: 0 });
  const ports = { ledger: ledger.asPort(), manifests, results, clock: Date.now, processorOf: () => urlProcessor };
  const fetchPage = () => Promise.reject(new Error('the benchmark fetches nothing'));
  await planRun({ v: 1, run }, { ...ports, ...UNKNOWN_TENANTS, newNonce: () => 'bench', finishStop: async () => undefined, fetchPage, signal: new AbortController().signal });
  for (const shard of await readAllShards(ports.ledger, await readPlannedRun(ports.ledger, run))) await ledger.putShard(await settleShard(results, shard));
  await mergeResults({ v: 1, run }, ports);
  const credits = { hold: async () => ({ kind: 'held' }) as const, settle: async () => undefined };
  await finishRun({ v: 1, run }, { ...ports, credits, leaveRoom: async () => undefined });
}

async function settleShard(results: ObjectStore, shard: ShardRecord): Promise<ShardRecord> {
  const batches = await mapConcurrently([...shard.sizes.keys()], BATCHES_AT_ONCE, (batch) => settleBatch(results, shard, batch));
  const ko = batches.reduce((sum, { failed }) => sum + failed, 0);
  const items = shard.sizes.reduce((sum, size) => sum + size, 0);
  return { ...shard, nd: shard.n, ok: items - ko, ko, b: Object.fromEntries(batches.map(({ state }, batch) => [batch, { ...shard.b[batch]!, ...state, l: '' }])) };
}

async function settleBatch(results: ObjectStore, { tenant, run, shard, ...record }: ShardRecord, batch: number) {
  const items = await readBatchItems(results, { tenant, run, shard, ...record }, batch);
  const size = isInThreeParts(batch) ? Math.ceil(items.length / 3) : items.length;
  let state = { q: 0, h: '-' };
  for (let at = 0; at < items.length; at += size) {
    const header = { run, shard, batch, q: state.q + 1, owner: 'bench', previous: state.q === 0 ? null : state.h };
    const part = await packPart(header, items.slice(at, at + size).map(settleItem));
    await results.write(`${runPrefix(tenant, run)}${partPath(shard, batch, part.id)}`, part.bytes, 'application/gzip');
    state = { q: header.q, h: part.id };
  }
  return { state, failed: items.filter(({ line }) => isFailing(line)).length };
}

function settleItem({ line, input }: PlannedItem): ResultRow {
  const attempt = { line, input, attempts: 1, startedAt: STARTED_AT, durationMs: line % 1000 };
  if (!isFailing(line)) return { ...attempt, verdict: 'succeeded', output: { status: 200, title: `Page ${line}`, words: line % 5000 } };
  return { ...attempt, verdict: 'failed', error: { name: 'HttpStatusError', message: `expected status 200 of page ${line}, got 404`, retryable: false } };
}
