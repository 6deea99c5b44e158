import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { planRun } from '../lambdas/plan-run/plan-run.ts';
import { runIdOf } from '../shared/names.ts';
import type { PlannedRun, RunRecord } from '../shared/records.ts';
import { countRows, generateManifest } from './plan-rows.ts';
import type { PlanFormat } from './plan-rows.ts';
import { isUploaded, openEmbeddedStore, openFolderStore, uploadToEmbedded, type PlanStore, type PlanStoreName } from './plan-store.ts';
import { peakMemoryMb, round, startFigures } from './process-figures.ts';
import { urlProcessor } from './url-processor.ts';
import { UNKNOWN_TENANTS } from '../test/support/unknown-tenants.ts';

/**
 * The planner's benchmark: `taskset -c 0 node bench/plan.ts --rows 10000000 --format jsonl [--store embedded]`.
 * The first call makes (and uploads) the manifest, the next ones measure.
 * Prints rows a second by wall clock and by CPU time, the peak of resident memory (VmHWM), and checks the counts.
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    format: { type: 'string', default: 'jsonl' },
    folder: { type: 'string', default: 'build/bench-plan' },
    store: { type: 'string', default: 'folder' },
  },
});

/** In a thread of its own, so that the generator's memory is not the planner's. */
function ensureManifest(path: string, rows: number, format: PlanFormat): Promise<void> {
  if (existsSync(path)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { path: `${path}.new`, rows, format } });
    worker.once('error', reject);
    worker.once('exit', (code) => {
      if (code === 0) renameSync(`${path}.new`, path);
      resolve();
    });
  });
}

function ledgerOf(first: RunRecord) {
  let run = first;
  let shards = 0;
  return {
    readRun: () => Promise.resolve(run),
    freezePlan(_run: string, { nonce, totals }: { nonce: string; totals: PlannedRun['totals'] }) {
      run = { ...run, plan: nonce, totals };
      return Promise.resolve(run as PlannedRun);
    },
    putShard() {
      shards++;
      return Promise.resolve();
    },
    shards: () => shards,
    totals: () => run.totals,
  };
}

async function measure({ source, manifests, results }: PlanStore, rows: number): Promise<void> {
  const run = runIdOf(source);
  const ledger = ledgerOf({
    v: 1, run, tenant: 'bench', processor: 'bench', workerClass: 'standard', options: {}, source, state: 'open', createdAt: '2026-01-01T00:00:00.000Z', execution: run, attempt: 0,
  });
  const figures = startFigures();
  const fetchPage = () => Promise.reject(new Error('the benchmark fetches nothing'));
  const signal = new AbortController().signal;
  await planRun({ v: 1, run }, { ledger, manifests, results, ...UNKNOWN_TENANTS, newNonce: () => 'bench', finishStop: async () => undefined, fetchPage, clock: Date.now, signal, processorOf: () => urlProcessor });
  const { wallSeconds, cpuSeconds } = figures();

  const expected = { ...countRows(rows), shards: ledger.shards() };
  const totals = ledger.totals()!;
  const isRight = totals.rows === expected.rows && totals.invalid === expected.invalid && totals.duplicates === expected.duplicates && totals.shards === expected.shards;
  const report = {
    manifest: source.key, megabytes: Math.round(source.bytes / 1e6), totals, isRight,
    wallSeconds: round(wallSeconds), cpuSeconds: round(cpuSeconds), cpuMicrosecondsARow: round((cpuSeconds / rows) * 1e6),
    rowsPerSecond: Math.round(rows / wallSeconds), peakMemoryMb: Math.round(peakMemoryMb()),
  };
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  if (!isRight) throw new Error(`expected ${JSON.stringify(expected)}`);
}

async function prepareOrMeasure(folder: string, store: PlanStoreName): Promise<void> {
  const rows = Number(values.rows);
  const format = values.format as PlanFormat;
  const key = `rows-${rows}.${format}.gz`;
  const path = join(folder, key);
  mkdirSync(folder, { recursive: true });
  const isReady = existsSync(path) && (store === 'folder' || isUploaded(folder, key));
  if (!isReady) {
    await ensureManifest(path, rows, format);
    if (store === 'embedded') await uploadToEmbedded(folder, key);
    process.stdout.write('The manifest is ready. Run again: a fresh process measures its own memory only.\n');
    return;
  }
  const opened = store === 'embedded' ? await openEmbeddedStore(folder, key) : openFolderStore(folder, key);
  await measure(opened, rows);
  await opened.close();
}

if (isMainThread) await prepareOrMeasure(values.folder, values.store as PlanStoreName);
else {
  const { path, rows, format } = workerData as { path: string; rows: number; format: PlanFormat };
  await generateManifest(path, rows, format);
}
