import { finishRun } from '../../lambdas/finish-run/finish-run.ts';
import { mergeResults } from '../../lambdas/merge-results/merge-results.ts';
import type { ReadableLedger } from '../../cli/verify/ledger-view.ts';
import type { VerifyReport } from '../../cli/verify/verify-run.ts';
import type { Processor } from '../../processors/processor.ts';
import { batchOf } from '../../shared/batch-state.ts';
import { partPath, runPrefix } from '../../shared/names.ts';
import { packPart } from '../../shared/parts.ts';
import type { ObjectStore, RunLedger } from '../../shared/ports.ts';
import type { ShardRecord } from '../../shared/records.ts';
import type { PlannedItem, ResultRow } from '../../shared/rows.ts';
import { readBatchItems } from '../../shared/shard-file.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { preparePlanning } from './planning.ts';
import { copyLedger, StoredLedger } from './stored-ledger.ts';

/** A run's objects in memory, to be tampered with. */
export interface StoredRun {
  readonly results: MemoryObjectStore;
  readonly manifests: MemoryObjectStore;
  readonly ledger: StoredLedger;
  readonly tenant: string;
  readonly run: string;
}

/** Two hosts, one duplicate, three invalid rows (two for their ids), one row with an id, one row that is expanded. */
const MANIFEST = [
  ...Array.from({ length: 12 }, (_, i) => JSON.stringify({ url: `https://a.example/page-${i}` })),
  ...Array.from({ length: 12 }, (_, i) => JSON.stringify({ id: `b${i}`, url: `https://b.example/page-${i}` })),
  JSON.stringify({ url: 'HTTPS://A.example:443/page-3' }),
  JSON.stringify({ url: 'not an address' }),
  JSON.stringify({ id: 'b1', url: 'https://b.example/other' }),
  JSON.stringify({ id: 'unusable', url: 'https://b.example/named' }),
  JSON.stringify({ id: {}, url: 'https://b.example/without-id' }),
  JSON.stringify({ expand: 'list', rows: [{ url: 'https://c.example/1' }, { url: 'https://c.example/2' }] }),
  '',
].join('\n');

type Stop = NonNullable<VerifyReport['stop']>;

/**
 * Plans, settles, merges and finishes a small run with the real writers: batches of five in two settlements each, every seventh line failed,
 * one part of a crash. A run that is stopped has only the first settlement of each batch worked, the second is the stop's.
 */
export async function buildFinishedRun({ stop, processor }: { readonly stop?: Stop; readonly processor?: Processor } = {}): Promise<StoredRun> {
  const { ledger, manifests, results, run, plan, ports } = preparePlanning({ name: 'list.jsonl', body: MANIFEST, options: { itemsPerBatch: 5 }, ...(processor && { processor }) });
  const { source } = ledger.run;
  const { etag } = (await manifests.head(source.key, source.version))!;
  ledger.run = { ...ledger.run, source: { ...source, etag } };
  await plan();
  if (stop) ledger.run = { ...ledger.run, stop };
  for (const shard of ledger.shards.values()) ledger.shards.set(shard.shard, await settleShard(results, shard, stop));
  const { tenant } = ledger.run;
  await writeGarbagePart(results, { tenant, run });
  const endPorts = {
    results,
    credits: { hold: async () => ({ kind: 'held' }) as const, settle: async () => undefined },
    leaveRoom: async () => undefined,
    clock: () => Date.parse('2026-01-01T00:01:00.000Z'),
    processorOf: ports.processorOf as () => Processor,
    ledger: {
      readRun: async () => ledger.run,
      readShards: async () => [...ledger.shards.values()],
      markEnded: async (_run: string, end: { state: 'finished' | 'failed'; finishedAt: string }) => (ledger.run = { ...ledger.run, ...end }),
      takeOffOpen: async () => undefined,
    } as Partial<RunLedger> as RunLedger,
  };
  await mergeResults({ v: 1, run }, endPorts);
  await finishRun({ v: 1, run }, endPorts);
  const stored = new StoredLedger(ledger.run, ledger.shards.values(), ledger.shards.keys());
  return { results, manifests, ledger: stored, tenant, run };
}

async function settleShard(results: MemoryObjectStore, shard: ShardRecord, stop: Stop | undefined): Promise<ShardRecord> {
  const b: Record<string, ShardRecord['b'][string]> = {};
  const rows: ResultRow[] = [];
  for (let batch = 0; batch < shard.n; batch++) {
    const items = await readBatchItems(results, shard, batch);
    const half = Math.ceil(items.length / 2);
    const worked = items.slice(0, half).map(settle);
    const rest = items.slice(half).map((item) => (stop ? skip(item, stop) : settle(item)));
    const first = await writePart(results, shard, { batch, q: 1, previous: null }, worked);
    const last = await writePart(results, shard, { batch, q: 2, previous: first }, rest);
    b[String(batch)] = { ...batchOf(shard, batch), q: 2, l: '', h: last };
    rows.push(...worked, ...rest);
  }
  const count = (verdict: ResultRow['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  return { ...shard, b, nd: shard.n, ok: count('succeeded'), ko: count('failed'), sk: count('skipped') };
}

const isFailing = (line: number): boolean => line % 7 === 0;

async function writePart(
  results: ObjectStore,
  { tenant, run, shard }: ShardRecord,
  header: { batch: number; q: number; previous: string | null },
  rows: readonly ResultRow[],
): Promise<string> {
  const part = await packPart({ run, shard, owner: 'worker', ...header }, rows);
  await results.write(runPrefix(tenant, run) + partPath(shard, header.batch, part.id), part.bytes, 'application/gzip');
  return part.id;
}

/** What a worker leaves that died between its part and its settlement. */
async function writeGarbagePart(results: ObjectStore, { tenant, run }: { tenant: string; run: string }): Promise<void> {
  const part = await packPart({ run, shard: 0, batch: 0, q: 1, owner: 'dead', previous: null }, []);
  await results.write(runPrefix(tenant, run) + partPath(0, 0, part.id), part.bytes, 'application/gzip');
}

function settle({ line, id, input }: PlannedItem): ResultRow {
  const own = { line, ...(id !== undefined && { id }), input, attempts: 1, startedAt: '2026-01-01T00:00:01.000Z', durationMs: 3 };
  if (!isFailing(line)) return { ...own, verdict: 'succeeded', output: { line } };
  return { ...own, verdict: 'failed', error: { name: 'HttpStatusError', message: 'expected status 200, got 404', retryable: false } };
}

const skip = ({ line, id, input }: PlannedItem, { reason, at }: Stop): ResultRow => ({ line, ...(id !== undefined && { id }), input, attempts: 0, startedAt: at, durationMs: 0, verdict: 'skipped', reason });

/** Copies a run from any target into memory, so that it can be tampered with. */
export async function copyRun(from: { results: ObjectStore; manifests: ObjectStore; ledger: ReadableLedger; tenant: string; run: string }): Promise<StoredRun> {
  const { tenant, run } = from;
  const results = new MemoryObjectStore(from.results.bucket);
  for await (const { key } of from.results.list(runPrefix(tenant, run))) results.put(key, await from.results.read(key));
  const manifest = JSON.parse(Buffer.from(results.bytesOf(`${runPrefix(tenant, run)}manifest.json`)).toString()) as { source: { key: string; version: string } };
  const manifests = new SingleVersionStore(from.manifests.bucket, manifest.source.version);
  manifests.put(manifest.source.key, await from.manifests.read(manifest.source.key));
  return { results, manifests, ledger: await copyLedger(from.ledger, run), tenant, run };
}

/** Knows one version, by the name that it has where the run was copied from. */
class SingleVersionStore extends MemoryObjectStore {
  readonly #version: string;

  constructor(bucket: string, version: string) {
    super(bucket);
    this.#version = version;
  }

  override head(key: string, version?: string) {
    return version === undefined || version === this.#version ? super.head(key) : Promise.resolve(undefined);
  }

  override open(key: string, version?: string) {
    return version === undefined || version === this.#version ? super.open(key) : Promise.resolve(undefined);
  }
}
