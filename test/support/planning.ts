import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { planRun } from '../../lambdas/plan-run/plan-run.ts';
import type { Processor } from '../../processors/processor.ts';
import { runIdOf } from '../../shared/names.ts';
import type { PlannedRun, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { DuplicateRow, ExpandedRow, InvalidRow, JsonObject, PlannedItem } from '../../shared/rows.ts';
import { canonicalUrl } from '../../shared/web-url.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { UNKNOWN_TENANTS } from './unknown-tenants.ts';

/** A small processor of web addresses that can expand `expand: "list"` rows from their field `rows`. */
export const webProcessor: Processor = {
  name: 'web',
  summary: 'For tests.',
  workerClass: 'standard',
  primaryField: 'url',
  primaryAliases: ['loc', 'link'],
  optionsSchema: z.strictObject({ depth: z.int().optional() }),
  itemsPerBatch: 10,
  concurrency: 1,
  readRow(fields) {
    if (typeof fields['expand'] === 'string') return { kind: 'expand', how: fields['expand'] };
    if (typeof fields['url'] !== 'string') return { kind: 'invalid', reason: 'expected a field `url`' };
    const url = canonicalUrl(fields['url']);
    if (!url.ok) return { kind: 'invalid', reason: url.reason };
    return { kind: 'item', input: { url: url.href }, equalityKey: url.href, limitKey: `host:${url.host}` };
  },
  async *expand(fields) {
    for (const row of fields['rows'] as JsonObject[]) {
      if (row['fail'] === true) throw new Error('the sitemap ends early');
      yield row;
    }
  },
  process: () => Promise.reject(new Error('not called in planning')),
};

/** Every value is an item, however often it comes. */
export const noteProcessor: Processor = {
  ...webProcessor,
  name: 'note',
  primaryField: 'text',
  primaryAliases: [],
  readRow: (fields) =>
    typeof fields['text'] === 'string' ? { kind: 'item', input: { text: fields['text'] } } : { kind: 'invalid', reason: 'expected a field `text`' },
};

/** The ledger as far as planning needs it. */
export class PlanningLedger {
  readonly shards = new Map<number, ShardRecord>();
  run: RunRecord;

  constructor(run: RunRecord) {
    this.run = run;
  }

  readRun(run: string): Promise<RunRecord | undefined> {
    return Promise.resolve(run === this.run.run ? this.run : undefined);
  }

  freezePlan(_run: string, { nonce, totals }: { nonce: string; totals: PlannedRun['totals'] }): Promise<PlannedRun> {
    if (this.run.plan === undefined) this.run = { ...this.run, plan: nonce, totals };
    return Promise.resolve(this.run as PlannedRun);
  }

  putShard(shard: ShardRecord): Promise<void> {
    if (!this.shards.has(shard.shard)) this.shards.set(shard.shard, shard);
    return Promise.resolve();
  }
}

export interface PlanningSetup {
  readonly name?: string;
  readonly body: Uint8Array | string;
  readonly options?: JsonObject;
  readonly processor?: Processor;
  readonly chunkBytes?: number;
}

/** One run over one manifest, ready to be planned. */
export function preparePlanning({ name = 'list.txt', body, options = {}, processor = webProcessor, chunkBytes }: PlanningSetup) {
  const manifests = new MemoryObjectStore('manifests', chunkBytes);
  const results = new MemoryObjectStore('results');
  const key = `acme/${processor.name}/${name}`;
  const bytes = Buffer.from(body);
  const version = manifests.put(key, bytes);
  const source = { bucket: 'manifests', key, version, bytes: bytes.length, etag: 'e' };
  const run = runIdOf(source);
  const ledger = new PlanningLedger({
    v: 1, run, tenant: 'acme', processor: processor.name, workerClass: 'standard', options, source, state: 'open', createdAt: '2026-01-01T00:00:00.000Z', execution: run, attempt: 0,
  });
  let nonces = 0;
  const ports = {
    ledger,
    manifests,
    results,
    newNonce: () => `n${++nonces}`,
    finishStop: async () => undefined,
    fetchPage: () => Promise.reject(new Error('no network in this test')),
    clock: () => 0,
    ...UNKNOWN_TENANTS,
    signal: new AbortController().signal,
    processorOf: (wanted: string) => (wanted === processor.name ? processor : undefined),
  };
  return { ledger, manifests, results, run, ports, plan: () => planRun({ v: 1, run }, ports) };
}

/** What a planning stored, read back without product code. */
export function readPlan(results: MemoryObjectStore, nonce = 'n1') {
  const files = new Map<string, Uint8Array>();
  const marker = `/plan/${nonce}/`;
  for (const key of results.keys()) {
    const at = key.indexOf(marker);
    if (at !== -1) files.set(key.slice(at + marker.length), results.bytesOf(key));
  }
  const rows = <Row>(name: string): Row[] => parseRows<Row>(name.endsWith('.gz') ? gunzipSync(files.get(name)!) : files.get(name)!);
  const shards = [...files.keys()].filter((name) => name.startsWith('shards/')).map((name) => rows<PlannedItem>(name));
  return {
    files,
    shards,
    items: shards.flat().toSorted((a, b) => a.line - b.line),
    invalid: rows<InvalidRow>('invalid.ndjson.gz'),
    duplicates: rows<DuplicateRow>('duplicates.ndjson.gz'),
    expanded: files.has('expanded.ndjson.gz') ? rows<ExpandedRow>('expanded.ndjson.gz') : [],
  };
}

const parseRows = <Row>(bytes: Uint8Array): Row[] =>
  Buffer.from(bytes).toString('utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
