import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SweepPorts, sweepRuns } from '../../../lambdas/sweep-runs/sweep-runs.ts';
import type { DispatchMessage } from '../../../shared/messages.ts';
import { planPrefix, shardFileName } from '../../../shared/names.ts';
import type { Credits, RunLedger, WaitingRoom } from '../../../shared/ports.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { aRun, aShard } from '../../support/ledger-fixtures.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';
import { UNKNOWN_TENANTS } from '../../support/unknown-tenants.ts';

const LINES = [1, 2].map((line) => `${JSON.stringify({ line, input: {} })}\n`);
const CREATED = Date.parse(aRun().createdAt);

let stop: () => Promise<void>;
let ledger: RunLedger;
let results: MemoryObjectStore;
let now: number;
let sent: DispatchMessage[];
let started: string[];
let answered: string[];
let settled: Parameters<Credits['settle']>[0][];
let left: string[];
let runs = 0;

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());

beforeEach(async () => {
  for (const { run } of await ledger.listOpen()) await ledger.takeOffOpen(run);
  now = CREATED + 1000;
  results = new MemoryObjectStore('results');
  [sent, started, answered, settled, left] = [[], [], [], [], []];
});

const ports = (): SweepPorts => ({
  ledger,
  results,
  clock: () => now,
  newOwner: () => 'sweep',
  newNonce: () => String(runs++),
  executions: { start: async (name) => void started.push(name) },
  credits: { hold: async () => ({ kind: 'held' }), settle: async (request) => void settled.push(request) },
  tenants: UNKNOWN_TENANTS.tenants,
  room: { list: async () => new Map() } as Partial<WaitingRoom> as WaitingRoom,
  maxWaitingItemsOf: () => undefined,
  leaveRoom: async ({ run }) => void left.push(run),
  taskAnswers: { succeedTask: async (token) => void answered.push(token) },
  dispatchQueue: { send: async (message) => void sent.push(message) },
  admit: async (open) => void started.push(`admit ${open.run}`),
  onError: (_run, error) => {
    throw error;
  },
});

/** A started and planned run of one shard with two batches of one item. */
async function aPlannedRun(changes: Partial<RunRecord> = {}): Promise<string> {
  const run = aRun({ run: `r${String(runs++).padStart(25, 's')}`, ...changes });
  await ledger.admit({ ...run, execution: run.run }, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
  await ledger.markStarted(run.run, run.run);
  await ledger.freezePlan(run.run, { nonce: 'p1', totals: { rows: 2, invalid: 0, items: 2, duplicates: 0, shards: 1 } });
  await ledger.putShard(aShard([1, 1], { run: run.run, offsets: [0, LINES[0]!.length, LINES.join('').length] }));
  await results.write(`${planPrefix(run.tenant, run.run, 'p1')}${shardFileName(0)}`, LINES.join(''), 'application/x-ndjson');
  return run.run;
}

const settle = (run: string, batch: number, verdict: 'ok' | 'ko') =>
  ledger.settle({ run, shard: 0, batch, q: 0, left: '', part: `part ${batch}`, message: 'm', counts: { ok: 0, ko: 0, sk: 0, [verdict]: 1 } });

describe('the sweep', () => {
  it('has an open run healed by the dispatcher', async () => {
    const run = await aPlannedRun();
    expect(await sweepRuns(ports())).toEqual({ runs: 1, failed: 0 });
    expect(sent).toEqual([{ v: 1, type: 'heal', run }]);
  });

  it('notes a finished shard that DONE lacks, and answers the token that nobody answered', async () => {
    const run = await aPlannedRun();
    await ledger.storeToken({ run, token: 'token', execution: run, attempt: 0 });
    await settle(run, 0, 'ok');
    await settle(run, 1, 'ok');
    await sweepRuns(ports());
    expect([...(await ledger.readDone(run))]).toEqual([0]);
    expect(answered).toEqual(['token']);
    expect(sent).toEqual([]);
  });

  it('answers the token of a complete run again until the ledger says that it was answered', async () => {
    const run = await aPlannedRun();
    await settle(run, 0, 'ok');
    await settle(run, 1, 'ok');
    await ledger.addDone(run, 0);
    await ledger.storeToken({ run, token: 'token', execution: run, attempt: 0 });
    await sweepRuns(ports());
    await sweepRuns(ports());
    expect(answered).toEqual(['token']);
  });

  it('settles what a stopped run has open, and lets it end', async () => {
    const run = await aPlannedRun();
    await ledger.storeToken({ run, token: 'token', execution: run, attempt: 0 });
    await settle(run, 0, 'ok');
    await ledger.requestStop(run, { reason: 'cancelled', at: 'now' });
    await sweepRuns(ports());
    expect(await ledger.readShard(run, 0)).toMatchObject({ ok: 1, sk: 1, nd: 2 });
    expect(answered).toEqual(['token']);
  });

  it('leaves long settling to the next round when its time is over', async () => {
    const run = await aPlannedRun();
    await ledger.requestStop(run, { reason: 'cancelled', at: 'now' });
    await sweepRuns(ports(), now);
    expect(await ledger.readShard(run, 0)).toMatchObject({ sk: 0, nd: 0 });
  });

  it('stops a run that is older than its time limit', async () => {
    const run = await aPlannedRun({ options: { timeLimitSeconds: 60 } });
    now = CREATED + 59_999;
    await sweepRuns(ports());
    expect((await ledger.readRun(run))!.state).toBe('open');
    now = CREATED + 60_000;
    await sweepRuns(ports());
    expect(await ledger.readRun(run)).toMatchObject({ state: 'stopping', stop: { reason: 'time limit' } });
    expect(await ledger.readShard(run, 0)).toMatchObject({ sk: 2, nd: 2 });
  });

  it('stops a run above its failure threshold that no worker noticed', async () => {
    const run = await aPlannedRun({ options: { maxFailures: 0 } });
    await settle(run, 0, 'ko');
    await sweepRuns(ports());
    expect(await ledger.readRun(run)).toMatchObject({ state: 'stopping', stop: { reason: 'failure threshold' } });
    expect(await ledger.readShard(run, 0)).toMatchObject({ ko: 1, sk: 1, nd: 2 });
  });

  it('finishes an admission that was left half made, and a restart', async () => {
    const open = aRun({ run: `r${String(runs++).padStart(25, 's')}` });
    await ledger.admit(open, { v: 1, run: open.run, source: open.source, uploadedAt: open.createdAt });
    const run = await aPlannedRun();
    await ledger.restart(run, 'second');
    await sweepRuns(ports());
    expect(started).toEqual([`admit ${open.run}`, 'second']);
    expect((await ledger.readRun(run))!.started).toBe('second');
  });

  it('leaves a failed run to the state machine at first, and ends it when nobody has: open batches, credits, off the list', async () => {
    const run = await aPlannedRun({ credits: { perItem: 3 } });
    await settle(run, 0, 'ok');
    await ledger.markEnded(run, { state: 'failed', finishedAt: new Date(now).toISOString(), error: 'no more' });
    await sweepRuns(ports());
    expect(await ledger.readShard(run, 0)).toMatchObject({ nd: 1 });
    now += 600_000;
    await sweepRuns(ports());
    expect(await ledger.readShard(run, 0)).toMatchObject({ ok: 1, sk: 1, nd: 2 });
    expect(settled).toEqual([{ tenant: 'acme', run, charge: 3 }]);
    expect(left).toEqual([run]);
    expect(await ledger.listOpen()).toEqual([]);
  });

  it('takes a finished run off the list that a late duplicate of its admission put back', async () => {
    const run = await aPlannedRun();
    await ledger.markEnded(run, { state: 'finished', finishedAt: 'now' });
    await sweepRuns(ports());
    expect(await ledger.listOpen()).toEqual([]);
    expect(sent).toEqual([]);
  });

  it('heals the other runs when one can not be', async () => {
    await aPlannedRun();
    await aPlannedRun();
    const errors: string[] = [];
    let calls = 0;
    const readDone: RunLedger['readDone'] = (run) => (calls++ === 0 ? Promise.reject(new Error('throttled')) : ledger.readDone(run));
    const flaky = { ...ports(), ledger: { ...ledger, readDone }, onError: (run: string) => void errors.push(run) };
    expect(await sweepRuns(flaky)).toEqual({ runs: 2, failed: 1 });
    expect(errors).toHaveLength(1);
    expect(sent).toHaveLength(1);
  });
});
