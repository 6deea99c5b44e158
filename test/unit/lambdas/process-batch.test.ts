import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery, ProcessPorts } from '../../../lambdas/process-batch/delivery.ts';
import { processBatch } from '../../../lambdas/process-batch/process-batch.ts';
import { noop } from '../../../processors/noop/processor.ts';
import type { ProcessAnswer, Processor } from '../../../processors/processor.ts';
import type { DispatchMessage } from '../../../shared/messages.ts';
import { parsePartPath, planPrefix, runPrefix, shardFileName } from '../../../shared/names.ts';
import { readPart, walkChain } from '../../../shared/parts.ts';
import type { RunLedger } from '../../../shared/ports.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { aRun, aShard } from '../../support/ledger-fixtures.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../shared/limiting/unlimited.ts';

const ITEMS = 4;
const LINES = Array.from({ length: ITEMS }, (_, i) => `${JSON.stringify({ line: i + 1, input: { value: `row ${i}` } })}\n`).join('');

let stop: () => Promise<void>;
let ledger: RunLedger;
let run: RunRecord;
let results: MemoryObjectStore;
let reports: DispatchMessage[];
let answeredTokens: string[];
let errors: string[];
let now: number;
let runs = 0;

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());

beforeEach(async () => {
  now = 1_000_000;
  results = new MemoryObjectStore('results');
  reports = [];
  errors = [];
  answeredTokens = [];
  run = aRun({ run: `r${String(runs++).padStart(25, 'a')}` });
  await ledger.admit(run, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
  await ledger.freezePlan(run.run, { nonce: 'p1', totals: { rows: ITEMS, invalid: 0, items: ITEMS, duplicates: 0, shards: 1 } });
  await ledger.putShard(aShard([ITEMS], { run: run.run, offsets: [0, LINES.length] }));
  await results.write(`${planPrefix(run.tenant, run.run, 'p1')}${shardFileName(0)}`, LINES, 'application/x-ndjson');
});

const portsWith = (process?: Processor['process']): ProcessPorts => ({
  ledger,
  findRun: ledger.readRun,
  results,
  dispatchQueue: { send: async (message) => void reports.push(message) },
  taskAnswers: { succeedTask: async (token) => void answeredTokens.push(token) },
  processorOf: () => ({ ...noop, ...(process && { process }) }),
  fetchPage: () => Promise.reject(new Error('no fetch in this test')),
  callApi: NO_APIS_CONFIGURED,
  limiter: UNLIMITED_CALLS,
  uploads: undefined,
  clock: () => now,
  sleep: async (ms) => void (now += ms),
  random: () => 0.5,
  newOwner: () => `owner ${now++}`,
  leaseMarginMs: 10_000,
  closingMs: 10_000,
  isRecountDue: () => true,
  onError: (text) => void errors.push(text),
});

/** The results bucket with another method in the place of one. */
const resultsWith = (name: 'read' | 'write', method: (...parameters: never[]) => Promise<unknown>): MemoryObjectStore =>
  new Proxy(results, {
    get: (target, asked) => {
      const member: unknown = asked === name ? method : Reflect.get(target, asked, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });

const message = (q = 0) => ({ v: 1, run: run.run, shard: 0, batch: 0, q }) as const;
const delivery = (owner: string): Delivery => ({ owner, messageId: `message of ${owner}`, deadline: now + 120_000 });
const deliver = (owner: string, ports = portsWith(), q = 0) => processBatch(message(q), delivery(owner), ports);
const readShard = async () => (await ledger.readShard(run.run, 0))!;

const storedRows = async () => {
  const chain = await walkChain(results, run, await readShard(), 0);
  return (await Promise.all(chain.parts.map((part) => readPart(results, run, { shard: 0, batch: 0, part })))).flat();
};

describe('processBatch', () => {
  it('stores one part, settles, reports, notes the shard and answers the waiting run', async () => {
    await ledger.storeToken({ run: run.run, token: 'token', execution: run.execution, attempt: 0 });
    expect(await deliver('a')).toEqual({ kind: 'settled', rows: ITEMS, left: 0, unended: 0 });
    const shard = await readShard();
    expect(shard).toMatchObject({ ok: ITEMS, ko: 0, sk: 0, nd: 1 });
    expect(shard.b[0]).toMatchObject({ q: 1, l: '', u: 0, o: '-', m: 'message of a' });
    expect((await storedRows()).map(({ line, verdict }) => [line, verdict])).toEqual([1, 2, 3, 4].map((line) => [line, 'succeeded']));
    expect(reports).toEqual([{ v: 1, type: 'report', run: run.run, shard: 0, batch: 0, q: 1, isDone: true, left: 0, until: now, rows: ITEMS, tookMs: 0 }]);
    expect(answeredTokens).toEqual(['token']);
    expect((await ledger.readRun(run.run))!.acked).toBe('token');
  });

  it('does nothing twice when the message comes again, but finishes what is missing', async () => {
    await deliver('a');
    await ledger.storeToken({ run: run.run, token: 'token', execution: run.execution, attempt: 0 });
    expect(await deliver('b')).toEqual({ kind: 'not mine' });
    expect(await readShard()).toMatchObject({ ok: ITEMS, nd: 1 });
    expect(reports).toHaveLength(2);
    expect(answeredTokens).toEqual(['token']);
  });

  it('leaves a batch to the worker that has it', async () => {
    await ledger.claim({ ...message(), owner: 'a', now, until: now + 130_000 });
    expect(await deliver('b')).toEqual({ kind: 'not mine' });
    expect(reports).toEqual([]);
    expect(await readShard()).toMatchObject({ ok: 0, nd: 0 });
  });

  it('takes over from a dead worker, whose late settlement is refused', async () => {
    const { promise: late, resolve: letGo } = Promise.withResolvers<ProcessAnswer>();
    const first = deliver('a', portsWith(() => late));
    while ((await readShard()).b[0]!.o !== 'a') await new Promise(setImmediate);
    now += 200_000;
    expect(await deliver('b')).toEqual({ kind: 'settled', rows: ITEMS, left: 0, unended: 0 });
    letGo({ verdict: 'failed', error: { name: 'LateError', message: 'too late', retryable: false } });
    expect(await first).toEqual({ kind: 'not mine' });
    expect(await readShard()).toMatchObject({ ok: ITEMS, ko: 0, nd: 1 });
    expect(new Set((await storedRows()).map(({ verdict }) => verdict))).toEqual(new Set(['succeeded']));
  });

  it('settles what is done, leaves what a limit holds, and reports when to come back', async () => {
    const held = portsWith(async ({ line }) => (line > 2 ? { verdict: 'held', until: now + 5000, limit: 'host:example.com' } : { verdict: 'succeeded', output: {} }));
    expect(await deliver('a', held)).toEqual({ kind: 'settled', rows: 2, left: 2, unended: 0 });
    expect(reports).toEqual([{ v: 1, type: 'report', run: run.run, shard: 0, batch: 0, q: 1, isDone: false, left: 2, until: now + 5000, rows: 2, tookMs: 0, heldBy: 'host:example.com' }]);
    expect((await readShard()).b[0]).toMatchObject({ q: 1, l: '2-3', a: 0, u: 0 });
    expect(await deliver('b', portsWith(), 1)).toEqual({ kind: 'settled', rows: 2, left: 0, unended: 0 });
    expect((await storedRows()).map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    const parts = [];
    for await (const { key } of results.list(`${runPrefix(run.tenant, run.run)}results/`)) parts.push(parsePartPath(key.slice(runPrefix(run.tenant, run.run).length)));
    expect(parts).toHaveLength(2);
  });

  it('tries again to store verdicts that it has in hand, as long as it lives', async () => {
    let failures = 3;
    const ports = portsWith();
    const write: typeof results.write = async (...parameters) => {
      if (failures-- > 0) throw new Error('slow down');
      return results.write(...parameters);
    };
    expect(await deliver('a', { ...ports, results: resultsWith('write', write) })).toMatchObject({ kind: 'settled', rows: ITEMS });
    expect(errors).toHaveLength(3);
  });

  it('lets the lease run out when verdicts can not be stored in its time', async () => {
    const broken = resultsWith('write', () => Promise.reject(new Error('gone')));
    await expect(deliver('a', { ...portsWith(), results: broken })).rejects.toThrow('gone');
    expect((await readShard()).b[0]).toMatchObject({ q: 0, a: 1, o: 'a' });
  });

  it('gives a batch back that it can not read, without a death, to be tried later', async () => {
    const unread = resultsWith('read', () => Promise.reject(new Error('gone')));
    expect(await deliver('a', { ...portsWith(), results: unread })).toEqual({ kind: 'given back' });
    expect((await readShard()).b[0]).toMatchObject({ q: 1, l: '0-3', a: 0, u: 0 });
    expect(reports).toMatchObject([{ isDone: false, until: now + 30_000 }]);
  });

  it('begins nothing of a run that is paused', async () => {
    await ledger.setPaused(run.run, true);
    expect(await deliver('a')).toEqual({ kind: 'no run' });
    expect((await readShard()).b[0]).toMatchObject({ q: 0, a: 0 });
  });

  it('stops a run that has failed too often, and settles what is open', async () => {
    const limited = aRun({ run: run.run.replace('aa', 'bb'), options: { maxFailures: 1 } });
    await ledger.admit(limited, { v: 1, run: limited.run, source: limited.source, uploadedAt: limited.createdAt });
    await ledger.freezePlan(limited.run, { nonce: 'p1', totals: { rows: ITEMS, invalid: 0, items: ITEMS, duplicates: 0, shards: 1 } });
    const half = LINES.indexOf('{"line":3');
    await ledger.putShard(aShard([2, 2], { run: limited.run, offsets: [0, half, LINES.length] }));
    await results.write(`${planPrefix(limited.tenant, limited.run, 'p1')}${shardFileName(0)}`, LINES, 'application/x-ndjson');
    const failing = portsWith(async () => ({ verdict: 'failed', error: { name: 'TestError', message: '', retryable: false } }));
    await processBatch({ v: 1, run: limited.run, shard: 0, batch: 0, q: 0 }, delivery('a'), failing);
    expect(await ledger.readRun(limited.run)).toMatchObject({ state: 'stopping', stop: { reason: 'failure threshold' } });
    expect(await ledger.readShard(limited.run, 0)).toMatchObject({ nd: 2, ko: 2, sk: 2 });
    expect(reports.map(({ type }) => type)).toEqual(['report', 'heal']);
  });

  it('leaves the batches of a run that is over alone', async () => {
    await ledger.markEnded(run.run, { state: 'failed', finishedAt: 'now', error: 'no more' });
    expect(await deliver('a')).toEqual({ kind: 'no run' });
    expect((await readShard()).b[0]).toMatchObject({ q: 0, a: 0 });
  });

  it.each([
    ['run', { run: `r${'z'.repeat(25)}` }],
    ['shard', { shard: Number.MAX_SAFE_INTEGER }],
    ['batch', { batch: 1 }],
  ])('does nothing for a message whose %s does not exist, and says so', async (_, changes) => {
    const before = await readShard();
    await expect(processBatch({ ...message(), ...changes }, delivery('a'), portsWith())).rejects.toMatchObject({ name: 'NoSuchRecordError', message: expect.stringMatching(/^expected a /) as string });
    expect(await readShard()).toEqual(before);
    expect(reports).toEqual([]);
  });
});
