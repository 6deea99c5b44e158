import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ApiPorts } from '../lambdas/serve-api/ports.ts';
import { serveApi } from '../lambdas/serve-api/serve-api.ts';
import { createKey } from '../shared/api-keys.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { openBenchRun, provideBenchRun } from './finished-run.ts';
import { createRandom } from './random.ts';
import { urlProcessor } from './url-processor.ts';

/**
 * What a look at a large run takes over the API: `node bench/api-reads.ts --rows 1000000`. The first call writes a finished run, the next ones measure the
 * handlers over stores on disk, where each read of an object takes `--object-ms` longer and each of records `--record-ms`, as over a network.
 * Prints the median, p95 and greatest time of each route, and how many reads it made.
 */
const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' }, folder: { type: 'string', default: 'build/bench-verify' }, times: { type: 'string', default: '200' }, 'object-ms': { type: 'string', default: '30' }, 'record-ms': { type: 'string', default: '5' } } });
const PAGE = 100;

async function measure(folder: string, rows: number): Promise<void> {
  const { results, manifests, ledger, tenant, run } = openBenchRun(folder);
  const key = createKey({ tenant, scopes: ['read'], name: 'bench', createdAt: 0 }, randomBytes);
  let [objects, records] = [0, 0];
  const slowObjects = <Answer>(work: () => Promise<Answer>) => (objects++, delay(Number(values['object-ms'])).then(work));
  const slowRecords = <Answer>(work: () => Promise<Answer>) => (records++, delay(Number(values['record-ms'])).then(work));
  const slowResults: ObjectStore = { ...results, bucket: results.bucket, open: (name) => slowObjects(() => results.open(name)), read: (name, range) => slowObjects(() => results.read(name, range)), head: (name) => slowObjects(() => results.head(name)), list: (prefix) => results.list(prefix), write: () => Promise.reject(new Error('nothing is written')), writeStream: () => Promise.reject(new Error('nothing is written')) };
  const store = ledger.asPort();
  const ports = {
    keys: { read: () => slowRecords(async () => key.record) },
    ledger: { readRun: (id: string) => slowRecords(() => store.readRun(id)), readShards: (id: string, shards: readonly number[]) => slowRecords(() => store.readShards(id, shards)) },
    results: slowResults,
    manifests,
    waitsOf: async () => [],
    findProcessor: () => urlProcessor,
    signResult: async (name: string) => `https://signed.test/${name}`,
    clock: Date.now,
    onError: (error: unknown) => console.error(error),
  } as unknown as ApiPorts;

  const ask = async (path: string, query: Record<string, string> = {}) => {
    const answer = await serveApi({ method: 'GET', path, headers: { authorization: `Bearer ${key.text}` }, query, body: undefined }, ports);
    if (answer.status !== 200) throw new Error(`expected an answer of ${path}, got ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body!) as Record<string, unknown>;
  };
  const random = createRandom(1);
  const cursors = await collectCursors((query) => ask(`/v1/runs/${run}/items`, query));
  const line = (): number => 1 + Math.floor(random() * rows);
  const routes: Record<string, () => Promise<unknown>> = {
    'the run': () => ask(`/v1/runs/${run}`),
    'a page of 100 items': () => ask(`/v1/runs/${run}/items`, { limit: String(PAGE), cursor: cursors[Math.floor(random() * cursors.length)]! }),
    'a page of failed items': () => ask(`/v1/runs/${run}/items`, { limit: String(PAGE), verdict: 'failed', cursor: cursors[Math.floor(random() * cursors.length)]! }),
    'errors, grouped': () => ask(`/v1/runs/${run}/errors`),
    'results': () => ask(`/v1/runs/${run}/results`, { limit: String(PAGE) }),
    'an item': () => ask(`/v1/items/${run}.${line()}`),
    'why an item ended so': () => ask(`/v1/items/${run}.${line()}/explain`),
  };
  for (const [name, act] of Object.entries(routes)) {
    const times: number[] = [];
    [objects, records] = [0, 0];
    let mostObjects = 0;
    for (let n = 0; n < Number(values.times); n++) {
      const before = objects;
      const start = performance.now();
      await act();
      times.push(performance.now() - start);
      mostObjects = Math.max(mostObjects, objects - before);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string => `${Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))]!)} ms`;
    console.log(`${name.padEnd(24)} median ${at(0.5)}, p95 ${at(0.95)}, most ${at(1)}; records read ${(records / times.length).toFixed(1)}, objects ${(objects / times.length).toFixed(1)}, at most ${mostObjects}`);
  }
}

/** Places all over the run, from one page to the next. */
async function collectCursors(page: (query: Record<string, string>) => Promise<Record<string, unknown>>): Promise<string[]> {
  const cursors: string[] = [];
  for (let cursor: string | undefined; cursors.length < 50; ) {
    const { nextCursor } = await page({ limit: String(PAGE), ...(cursor !== undefined && { cursor }) });
    if (nextCursor === undefined) break;
    cursors.push((cursor = nextCursor as string));
  }
  return cursors;
}

const folder = join(values.folder, values.rows);
if (await provideBenchRun(folder, Number(values.rows))) await measure(folder, Number(values.rows));
