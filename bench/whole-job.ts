import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { synthesise } from '../cdk/synthesise.ts';
import { LOCAL_PARAMETERS } from '../localstack/deployment.ts';
import { startStack, type EmbeddedStack } from '../localstack/embedded/stack.ts';
import { createDynamo, createS3 } from '../shared/aws/clients.ts';
import { createObjectStore } from '../shared/aws/object-store.ts';
import { createRunLedger } from '../shared/aws/run-ledger.ts';
import { uploadManifest } from '../shared/aws/upload-manifest.ts';
import { runIdOf, runPrefix } from '../shared/names.ts';
import type { RunRecord } from '../shared/records.ts';
import type { RunManifest } from '../shared/rows.ts';
import { startBareLoop } from './bare-loop.ts';
import type { PageServerAnswer, PageServerRequest } from './page-server.ts';

/**
 * The whole llms-txt job (upload to the run's manifest.json, sites written) against a bare loop with the same extraction, in turns.
 * `node bench/whole-job.ts [--pages 250] [--workers 1,2] [--rounds 5] [--kinds bare,whole] [--page-bytes 18000]`
 * With `--page-bytes` the pages are generated; else they are real ones, if they are there. Each measurement is a process of its own,
 * warmed by a first run; the pages come from another one, whose CPU is not counted.
 */

const ASSEMBLY = resolve(import.meta.dirname, '../cdk.out');
const HOSTS = 8;
const WARM_UP_PAGES_A_WORKER = 50;
const POLL_MS = 100;
const DEFAULT_PAGE_BYTES = 100_000;

type Kind = 'bare' | 'whole';

interface Task {
  readonly kind: Kind;
  readonly workers: number;
  readonly urls: readonly string[];
}

interface Measurement {
  readonly succeeded: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Runs a manifest once; @returns how many of its pages gave text. */
interface Runner {
  run(urls: readonly string[]): Promise<number>;
  stop(): Promise<void>;
}

async function measureTask({ kind, workers, urls }: Task): Promise<Measurement> {
  const runner = kind === 'bare' ? startBareLoop(workers) : await startWholeJob(workers);
  try {
    await runner.run(urls.slice(0, WARM_UP_PAGES_A_WORKER * workers));
    const [cpuBefore, startedMs] = [process.cpuUsage(), performance.now()];
    const succeeded = await runner.run(urls);
    const seconds = (performance.now() - startedMs) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { succeeded, seconds, cpuSeconds: (user + system) / 1e6 };
  } finally {
    await runner.stop();
  }
}

async function startWholeJob(workers: number): Promise<Runner> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'spillway-bench-'));
  const stack = await startStack({ templateFolder: ASSEMBLY, dataFolder, parameters: LOCAL_PARAMETERS, workers });
  let runs = 0;
  return {
    run: (urls) => runManifest(stack, `bench/llms-txt/${runs++}.txt`, urls),
    async stop() {
      await stack.stop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

async function runManifest({ endpoint, credentials, outputs }: EmbeddedStack, key: string, urls: readonly string[]): Promise<number> {
  const access = { endpoint, region: 'us-east-1', credentials };
  const [s3, dynamo] = [createS3(access), createDynamo(access)];
  const ledger = createRunLedger(dynamo, outputs['ProgressTable']!);
  try {
    const source = await uploadManifest(s3, outputs['ManifestsBucket']!, { key, body: Readable.from([Buffer.from(urls.join('\n'))]), metadata: {} });
    const record = await waitForEnd(() => ledger.readRun(runIdOf(source)));
    const manifest = await createObjectStore(s3, outputs['ResultsBucket']!).read(`${runPrefix(record.tenant, record.run)}manifest.json`);
    return (JSON.parse(Buffer.from(manifest).toString()) as RunManifest).counts.succeeded;
  } finally {
    s3.destroy();
    dynamo.destroy();
  }
}

async function waitForEnd(readRun: () => Promise<RunRecord | undefined>): Promise<RunRecord> {
  for (;;) {
    const record = await readRun();
    if (record?.state === 'finished') return record;
    if (record && record.state !== 'open') throw new Error(`the run ended ${record.state}: ${record.error}`);
    await new Promise((next) => setTimeout(next, POLL_MS));
  }
}

async function compare(): Promise<void> {
  const { values } = parseArgs({
    options: {
      pages: { type: 'string', default: '250' },
      workers: { type: 'string', default: '1,2' },
      rounds: { type: 'string', default: '5' },
      kinds: { type: 'string', default: 'bare,whole' },
      'page-bytes': { type: 'string' },
    },
  });
  await synthesise(ASSEMBLY);
  const server = forkModule('page-server.ts');
  try {
    const pageBytes = values['page-bytes'];
    const { urls, isReal } = await ask<PageServerAnswer>(server, {
      pages: Number(values.pages), hosts: HOSTS, isReal: pageBytes === undefined, pageBytes: Number(pageBytes ?? DEFAULT_PAGE_BYTES),
    } satisfies PageServerRequest);
    console.log(`${urls.length} ${isReal ? 'real' : 'generated'} pages on ${HOSTS} hosts`);
    await runRounds(values.kinds.split(',') as Kind[], values.workers.split(',').map(Number), Number(values.rounds), urls);
  } finally {
    server.kill();
  }
}

async function runRounds(kinds: readonly Kind[], workers: readonly number[], rounds: number, urls: readonly string[]): Promise<void> {
  const variants = workers.flatMap((count) => kinds.map((kind) => ({ kind, workers: count })));
  const taken = variants.map((): Measurement[] => []);
  console.log('round | what | workers | pages that gave text | seconds | pages/min | CPU ms a page');
  for (let round = 1; round <= rounds; round++) {
    for (const [i, variant] of variants.entries()) {
      const child = forkModule('whole-job.ts');
      const measured = await ask<Measurement>(child, { ...variant, urls } satisfies Task);
      await once(child, 'exit');
      taken[i]!.push(measured);
      console.log(`| ${[round, variant.kind, variant.workers, measured.succeeded, measured.seconds.toFixed(1), Math.round((60 * urls.length) / measured.seconds), ((1000 * measured.cpuSeconds) / urls.length).toFixed(1)].join(' | ')} |`);
    }
  }
  const find = (kind: Kind, count: number) => taken[variants.findIndex((variant) => variant.kind === kind && variant.workers === count)];
  for (const count of workers) printRatio(`whole/bare, ${count} worker(s)`, find('whole', count), find('bare', count));
  for (const kind of kinds) printRatio(`${kind}: 2 workers/1`, find(kind, 2), find(kind, 1));
}

/** Medians over the rounds of pairs that ran one after the other. */
function printRatio(title: string, of: readonly Measurement[] | undefined, to: readonly Measurement[] | undefined): void {
  if (!of || !to) return;
  const throughput = median(of.map(({ seconds }, i) => to[i]!.seconds / seconds));
  const cpu = median(of.map(({ cpuSeconds }, i) => cpuSeconds / to[i]!.cpuSeconds));
  console.log(`${title}: throughput x ${throughput.toFixed(2)}, CPU x ${cpu.toFixed(2)}`);
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

const forkModule = (name: string): ChildProcess => fork(join(import.meta.dirname, name), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

async function ask<Answer>(child: ChildProcess, request: PageServerRequest | Task): Promise<Answer> {
  child.send(request);
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`expected an answer of the process, it ended with code ${code}`);
  });
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [Answer];
  return answer;
}

async function answerTask(task: Task): Promise<void> {
  process.send!(await measureTask(task));
  process.disconnect();
}

if (process.send) {
  process.once('message', (task: Task) => void answerTask(task));
} else await compare();
