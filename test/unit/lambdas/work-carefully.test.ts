import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessPorts } from '../../../lambdas/process-batch/delivery.ts';
import { processBatch } from '../../../lambdas/process-batch/process-batch.ts';
import { noop } from '../../../processors/noop/processor.ts';
import type { ProcessAnswer, Processor } from '../../../processors/processor.ts';
import { planPrefix, shardFileName } from '../../../shared/names.ts';
import { readPart, walkChain } from '../../../shared/parts.ts';
import type { RunLedger } from '../../../shared/ports.ts';
import type { BatchState, RunRecord } from '../../../shared/records.ts';
import type { ResultRow } from '../../../shared/rows.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { aRun, aShard } from '../../support/ledger-fixtures.ts';
import { Life, survive } from '../../support/life.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../shared/limiting/unlimited.ts';

const ITEMS = 4;
const LINES = Array.from({ length: ITEMS }, (_, i) => `${JSON.stringify({ line: i + 1, input: { value: `row ${i}` } })}\n`).join('');
const LEASE_MS = 130_000;

let stop: () => Promise<void>;
let ledger: RunLedger;
let run: RunRecord;
let results: MemoryObjectStore;
let now: number;
let runs = 0;
let deliveries: number;
let ran: number[];

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());

beforeEach(async () => {
  now = 1_000_000;
  deliveries = 0;
  ran = [];
  results = new MemoryObjectStore('results');
  run = aRun({ run: `r${String(runs++).padStart(25, 'a')}` });
  await ledger.admit(run, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
  await ledger.freezePlan(run.run, { nonce: 'p1', totals: { rows: ITEMS, invalid: 0, items: ITEMS, duplicates: 0, shards: 1 } });
  await results.write(`${planPrefix(run.tenant, run.run, 'p1')}${shardFileName(0)}`, LINES, 'application/x-ndjson');
});

const putBatch = async (changes: Partial<BatchState>): Promise<void> => {
  const shard = aShard([ITEMS], { run: run.run, offsets: [0, LINES.length] });
  await ledger.putShard({ ...shard, b: { 0: { ...shard.b[0]!, ...changes } } });
};
const batch = async (): Promise<BatchState> => (await ledger.readShard(run.run, 0))!.b[0]!;

type Answer = (line: number, life: Life) => Promise<ProcessAnswer>;
const succeed: Answer = async () => ({ verdict: 'succeeded', output: {} });

/** One delivery to a worker of its own; time passes a lease before it. @returns whether the worker lived */
async function deliver(answer: Answer, life = new Life(() => 'never')): Promise<boolean> {
  now += LEASE_MS + 1;
  const processor: Processor = { ...noop, process: ({ line }) => (ran.push(line), answer(line, life)) };
  const spoilt = life.spoil(ledger);
  const ports: ProcessPorts = {
    ledger: spoilt,
    findRun: spoilt.readRun,
    results: life.spoil(results),
    dispatchQueue: { send: async () => undefined },
    taskAnswers: { succeedTask: async () => undefined },
    processorOf: () => processor,
    fetchPage: () => Promise.reject(new Error('no fetch in this test')),
    callApi: NO_APIS_CONFIGURED,
    limiter: UNLIMITED_CALLS,
    uploads: undefined,
    clock: () => now,
    sleep: async () => undefined,
    random: () => 0,
    newOwner: () => 'owner',
    leaseMarginMs: 10_000,
    closingMs: 10_000,
    isRecountDue: () => false,
    onError: () => undefined,
  };
  const { q } = await batch();
  return survive(life, () => processBatch({ v: 1, run: run.run, shard: 0, batch: 0, q }, { owner: `worker ${++deliveries}`, messageId: 'm', deadline: now + 120_000 }, ports));
}

const dieAt =
  (...lines: number[]): Answer =>
  async (line, life) =>
    lines.includes(line) ? life.end() : { verdict: 'succeeded', output: {} };

async function storedRows(): Promise<ResultRow[]> {
  const { parts } = await walkChain(results, run, (await ledger.readShard(run.run, 0))!, 0);
  return (await Promise.all(parts.map((part) => readPart(results, run, { shard: 0, batch: 0, part })))).flat();
}

describe('careful mode', () => {
  it('begins with the third claim that follows two which were not settled', async () => {
    await putBatch({ a: 1 });
    await deliver(dieAt(1));
    expect(await batch()).toMatchObject({ a: 2, d: -1, q: 0 });
    await deliver(dieAt(1));
    expect(await batch()).toMatchObject({ a: 3, d: 0, dn: 1, q: 0 });
  });

  it('settles each item alone, keeps the lease in between, and gives it back at the end', async () => {
    await putBatch({ a: 2 });
    const leases: (string | number)[][] = [];
    await deliver(async (line, life) => {
      const { o, u, q, d } = await batch();
      leases.push([o, u, q, d]);
      return succeed(line, life);
    });
    expect(leases).toEqual([0, 1, 2, 3].map((i) => ['worker 1', now + LEASE_MS, i, i]));
    expect(await batch()).toMatchObject({ q: ITEMS, l: '', a: 0, u: 0, o: '-', d: -1, dn: 0 });
    expect((await storedRows()).map(({ line }) => line)).toEqual([1, 2, 3, 4]);
  });

  it('blames the item that two workers died at while it ran alone, and runs every other', async () => {
    await putBatch({ a: 2 });
    let deaths = 0;
    while ((await batch()).l !== '') if (!(await deliver(dieAt(3)))) deaths++;
    const rows = await storedRows();
    expect(rows.map(({ line, verdict }) => [line, verdict])).toEqual([[1, 'succeeded'], [2, 'succeeded'], [3, 'failed'], [4, 'succeeded']]);
    expect(rows[2]).toMatchObject({ error: { name: 'PoisonItemError', retryable: false } });
    expect(deaths).toBe(2);
    // Nobody ran beside the one that was marked.
    expect(ran).toEqual([1, 2, 3, 3, 4]);
  });

  it('goes on carefully while an item is marked, also after its own settlements have set the deaths to 0', async () => {
    await putBatch({ a: 1, d: 1, dn: 1, l: '1-3' });
    await deliver(succeed);
    expect(await batch()).toMatchObject({ q: 3, l: '' });
  });

  it('does not blame an item at which one worker died', async () => {
    await putBatch({ a: 2 });
    await deliver(dieAt(1));
    await deliver(succeed);
    expect((await storedRows()).map(({ verdict }) => verdict)).toEqual(Array(ITEMS).fill('succeeded'));
  });

  it('writes the mark as an absolute value: made twice, it counts once', async () => {
    await putBatch({ a: 2 });
    const { q } = await batch();
    await ledger.claim({ run: run.run, shard: 0, batch: 0, q, owner: 'me', now, until: now + 1 });
    const mark = { run: run.run, shard: 0, batch: 0, q, owner: 'me', ordinal: 2, times: 1 };
    expect([await ledger.mark(mark), await ledger.mark(mark)]).toEqual(['marked', 'marked']);
    expect(await batch()).toMatchObject({ d: 2, dn: 1 });
    expect(await ledger.mark({ ...mark, owner: 'another' })).toBe('lost');
  });

  it('takes a held item for no death: its mark goes with the next settlement', async () => {
    await putBatch({ a: 2 });
    expect(await deliver(async (line, life) => (line === 2 ? { verdict: 'held', until: now + 5000 } : succeed(line, life)))).toBe(true);
    expect(await batch()).toMatchObject({ l: '1', a: 0, u: 0, d: -1, dn: 0 });
  });

  it('stops when the batch is taken away, as by a cancel', async () => {
    await putBatch({ a: 2 });
    await deliver(async (line, life) => {
      const { q } = await batch();
      if (line === 2) await ledger.settle({ run: run.run, shard: 0, batch: 0, q, left: '', part: 'cancel', message: 'm', counts: { ok: 0, ko: 0, sk: 3 } });
      return succeed(line, life);
    });
    expect(ran).toEqual([1, 2]);
    expect(await ledger.readShard(run.run, 0)).toMatchObject({ ok: 1, sk: 3, nd: 1 });
  });
});
