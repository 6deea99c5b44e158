import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endDeadLeases, forgetSlots, resumeOpenRuns } from '../../../cli/resume-open-runs.ts';
import type { DeadLease } from '../../../shared/aws/dead-leases.ts';
import { createLeaseEnder } from '../../../shared/aws/dead-leases.ts';
import { createRunLedger } from '../../../shared/aws/run-ledger.ts';
import { emptyLanes } from '../../../shared/lanes.ts';
import type { LaneStore, RunLedger } from '../../../shared/ports.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { aRun, aShard, aSource } from '../../support/ledger-fixtures.ts';

let ledger: RunLedger;
let endLease: (lease: DeadLease) => Promise<void>;
let stop: () => Promise<void>;
let runs = 0;

beforeAll(async () => {
  const dynamo = await startDynamo();
  await dynamo.createTable('progress', ['pk', 'sort']);
  ledger = createRunLedger(dynamo.client, 'progress');
  endLease = createLeaseEnder(dynamo.client, 'progress');
  ({ stop } = dynamo);
});
afterAll(() => stop());

const NOW = 1_000_000;
const claimOf = (run: string, owner: string) => ({ run, shard: 0, batch: 1, q: 0, owner, now: NOW, until: NOW + 600_000 });

/** An open run of one shard with two batches, the second claimed by a worker that is dead. */
async function leaveClaimed(): Promise<string> {
  const run = `r${String(runs++).padStart(25, 'a')}`;
  await ledger.admit(aRun({ run, execution: run }), { v: 1, run, source: aSource(), uploadedAt: '2026-01-01T00:00:00.000Z' });
  await ledger.freezePlan(run, { nonce: 'p1', totals: { rows: 4, invalid: 0, items: 4, duplicates: 0, shards: 1 } });
  await ledger.putShard(aShard([2, 2], { run }));
  await ledger.claim(claimOf(run, 'dead'));
  return run;
}

describe('leases of a process that is gone', () => {
  it('hold a batch until they end, and no longer', async () => {
    const run = await leaveClaimed();
    expect((await ledger.claim(claimOf(run, 'next'))).kind).toBe('owned');
    await endDeadLeases(ledger, endLease);
    const claim = await ledger.claim(claimOf(run, 'next'));
    expect(claim).toMatchObject({ kind: 'claimed', shard: { b: { 0: { u: 0, a: 0 }, 1: { o: 'next', a: 2 } } } });
  });

  it('are left alone once somebody else has the batch', async () => {
    const run = await leaveClaimed();
    await endLease({ run, shard: 0, batch: 1, q: 0, owner: 'not the owner' });
    await endLease({ run, shard: 0, batch: 1, q: 1, owner: 'dead' });
    expect((await ledger.claim(claimOf(run, 'next'))).kind).toBe('owned');
  });

  it('can not settle any more once the batch is claimed again', async () => {
    const run = await leaveClaimed();
    await endDeadLeases(ledger, endLease);
    await ledger.claim(claimOf(run, 'next'));
    const late = { run, shard: 0, batch: 1, q: 0, owner: 'dead', left: '', part: 'late', message: 'm', counts: { ok: 2, ko: 0, sk: 0 } };
    expect((await ledger.settle(late)).kind).toBe('beaten');
  });
});

it('an open run is started again under the name of its execution; one that was never started is left to its event', async () => {
  const [started, unstarted] = [await leaveClaimed(), await leaveClaimed()];
  await ledger.markStarted(started, started);
  const starts: unknown[] = [];
  const notes: string[] = [];
  await resumeOpenRuns(ledger, { start: async (name, input) => void starts.push([name, input]) }, (line) => void notes.push(line));
  expect(starts).toEqual([[started, { v: 1, run: started }]]);
  expect(notes).toEqual([`going on with run ${started}`]);
  expect(notes.join()).not.toContain(unstarted);
});

describe('the slots of a dispatcher that is gone', () => {
  const storeOf = (stored: Awaited<ReturnType<LaneStore['read']>>) => {
    const writes: unknown[] = [];
    const lanes: LaneStore = { read: async () => stored, write: async (before, after) => (writes.push([before, after]), true) };
    return { lanes, writes };
  };

  it('are forgotten under a new stamp', async () => {
    const { lanes, writes } = storeOf({ stamp: 'old', state: { runs: 'taken' } });
    await forgetSlots(lanes, () => 'new');
    expect(writes).toEqual([['old', { stamp: 'new', state: emptyLanes() }]]);
  });

  it('need no writing where there are none', async () => {
    const { lanes, writes } = storeOf(undefined);
    await forgetSlots(lanes, () => 'new');
    expect(writes).toEqual([]);
  });
});
