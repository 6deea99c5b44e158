import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { synthesise } from '../cdk/synthesise.ts';
import { startStack } from '../localstack/embedded/stack.ts';
import { createDynamo, createS3 } from '../shared/aws/clients.ts';
import { createObjectStore } from '../shared/aws/object-store.ts';
import { createRunLedger } from '../shared/aws/run-ledger.ts';

/**
 * Orchestration alone: a no-op processor, from the upload of the manifest to the run's manifest.json, gzip parts included.
 * `node bench/orchestration.ts [--items 100000] [--batches 25,250,1000]`
 * CPU is that of the whole process: clients, emulators, state machine and workers are threads of it.
 */

const { values } = parseArgs({ options: { items: { type: 'string', default: '100000' }, batches: { type: 'string', default: '25,250,1000' } } });
const items = Number(values.items);
const ASSEMBLY = resolve(import.meta.dirname, '../cdk.out');
const POLL_MS = 50;

await synthesise(ASSEMBLY);
console.log(`${items} items | items a batch | seconds | items/s | batches/s | CPU s | CPU ms a batch | peak MB`);
for (const size of values.batches.split(',').map(Number)) await measure(size);

async function measure(itemsPerBatch: number): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const stack = await startStack({ templateFolder: ASSEMBLY, dataFolder });
  try {
    // One small run first, so that start-up of the functions is not counted.
    await runManifest(stack, 100, 50);
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    await runManifest(stack, items, itemsPerBatch);
    report(itemsPerBatch, (performance.now() - startedMs) / 1000, process.cpuUsage(cpuBefore));
  } finally {
    await stack.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function runManifest(stack: Awaited<ReturnType<typeof startStack>>, rows: number, itemsPerBatch: number): Promise<void> {
  const access = { endpoint: stack.endpoint, region: 'us-east-1', credentials: stack.credentials };
  const manifests = createObjectStore(createS3(access), stack.outputs['ManifestsBucket']!);
  const ledger = createRunLedger(createDynamo(access), stack.outputs['ProgressTable']!);
  const lines = Array.from({ length: rows }, (_, i) => JSON.stringify({ value: `https://example.com/a/page/with/a/usual/length/${i}` }));
  lines.push('');
  const options = JSON.stringify({ itemsPerBatch });
  await manifests.write(`bench/noop/${rows}.jsonl`, lines.join('\n'), 'application/x-ndjson', { 'spillway-options': options });
  for (;;) {
    // Uploads of one second have no order among them.
    const run = (await ledger.listRuns('bench', 2)).find(({ source }) => source.key.endsWith(`/${rows}.jsonl`));
    if (run && run.state !== 'open') {
      if (run.state !== 'finished') throw new Error(`the run ended ${run.state}: ${run.error}`);
      return;
    }
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

function report(itemsPerBatch: number, seconds: number, cpu: NodeJS.CpuUsage): void {
  const cpuSeconds = (cpu.user + cpu.system) / 1e6;
  const batches = Math.ceil(items / itemsPerBatch);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const cells = [itemsPerBatch, seconds.toFixed(1), Math.round(items / seconds), (batches / seconds).toFixed(1), cpuSeconds.toFixed(1), ((1000 * cpuSeconds) / batches).toFixed(1), Math.round(peakMb)];
  console.log(`| ${cells.join(' | ')} |`);
}
