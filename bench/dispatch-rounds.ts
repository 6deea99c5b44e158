import { gunzipSync, gzipSync } from 'node:zlib';
import { applyReport } from '../shared/apply-report.ts';
import type { LaneState, Pick } from '../shared/lane-state.ts';
import { addRun, addShards, dropFinished, emptyLanes, findRun, openShard, pickBatches, planWake, shardsToOpen } from '../shared/lanes.ts';
import { aShard } from '../test/support/ledger-fixtures.ts';
import { createRandom, type Random } from './random.ts';

/**
 * One round of the dispatcher without its calls: reading the record, ten reports, picking, writing the record.
 * `node bench/dispatch-rounds.ts`
 * Every tenant has one run with one open shard of 20 to 32 batches and two more to come; a tenth of the batches have been sent, and up to the window
 * are in flight. Ids are random, hosts differ, the last batch is smaller.
 */

const ROUNDS = 20;
const REPORTS = 10;
const WINDOW = 200;
const NOW = 1_790_000_000_000;
const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

console.log('tenants | record KB | gzip KB | write units | CPU ms a round | of it read, rules, write');
for (const tenants of [10, 1_000, 5_000]) measure(tenants, createRandom(1));

function measure(tenants: number, random: Random): void {
  const { state, flights } = aState(tenants, random);
  let body = write(state);
  const [bytes, spans] = [JSON.stringify(state).length, { read: 0, rules: 0, write: 0 }];
  for (let round = 0; round < ROUNDS; round++) {
    const started = cpuMs();
    const read = JSON.parse(gunzipSync(body).toString()) as LaneState;
    const readAt = cpuMs();
    for (const { run, shard, batch, q } of flights.splice(0, REPORTS)) applyReport(read, { run, shard, batch, q: q + 1, isDone: true, until: NOW, rows: 250, left: 0, tookMs: 1000 + 500 * random(), waitedMs: 100 }, { web: WINDOW }, NOW);
    for (const { run, shard } of shardsToOpen(read, { web: WINDOW }, NOW)) openShard(findRun(read, run)!, shardOf(run, shard, random), NOW);
    flights.push(...pickBatches(read, { web: WINDOW }, NOW));
    planWake(read, NOW);
    dropFinished(read);
    const ruledAt = cpuMs();
    body = write(read);
    spans.read += readAt - started;
    spans.rules += ruledAt - readAt;
    spans.write += cpuMs() - ruledAt;
  }
  const cells = [spans.read + spans.rules + spans.write, spans.read, spans.rules, spans.write].map((ms) => (ms / ROUNDS).toFixed(1));
  console.log(`${tenants} | ${(bytes / 1024).toFixed(0)} | ${(body.length / 1024).toFixed(1)} | ${Math.ceil(body.length / 1024)} | ${cells[0]} | ${cells.slice(1).join(', ')}`);
}

function aState(tenants: number, random: Random): { state: LaneState; flights: Pick[] } {
  const state = emptyLanes();
  for (let i = 0; i < tenants; i++) {
    const run = addRun(state, { tenant: `customer-${Math.floor(random() * 1e6)}`, run: `r${textOf(25, random)}`, workerClass: 'web', processor: 'llms-txt' });
    addShards(run, [0, 1, 2]);
    openShard(run, shardOf(run.run, 0, random), NOW);
  }
  // Everybody has been served before: tags and paces differ.
  const flights: Pick[] = [];
  for (let served = 0; served < 3 * tenants; served += WINDOW) {
    flights.push(...pickBatches(state, { web: WINDOW }, NOW));
    for (const { run, shard, batch, q } of flights.splice(0, WINDOW)) applyReport(state, { run, shard, batch, q: q + 1, isDone: true, until: NOW, rows: 250, left: 0, tookMs: 500 + 2000 * random() }, {}, NOW);
  }
  flights.push(...pickBatches(state, { web: WINDOW }, NOW));
  return { state, flights };
}

function shardOf(run: string, shard: number, random: Random): ReturnType<typeof aShard> {
  const batches = 20 + Math.floor(random() * 13);
  const sizes = [...Array.from({ length: batches - 1 }, () => 250), 1 + Math.floor(random() * 250)];
  return { ...aShard(sizes, { run, tenant: '', shard }), keys: [[`host:${textOf(8, random)}.example.com`, batches - 1], ['', 1]] };
}

function textOf(length: number, random: Random): string {
  return Array.from({ length }, () => ID_LETTERS[Math.floor(random() * ID_LETTERS.length)]).join('');
}

function write(state: LaneState): Buffer {
  return gzipSync(JSON.stringify(state));
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
