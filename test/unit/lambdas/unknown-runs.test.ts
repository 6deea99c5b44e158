import { expect, it } from 'vitest';
import { dispatchBatches, type DispatchPorts } from '../../../lambdas/dispatch-batches/dispatch-batches.ts';
import type { LaneState } from '../../../shared/lane-state.ts';
import { addRun, emptyLanes, findRun } from '../../../shared/lanes.ts';
import type { DispatchMessage, WorkMessage } from '../../../shared/messages.ts';
import { aRun, aShard, RUN_ID } from '../../support/ledger-fixtures.ts';
import { UNKNOWN_TENANTS } from '../../support/unknown-tenants.ts';

const NOBODY = `r${'z'.repeat(25)}`;

it('a message of the dispatch queue that names no run changes nothing, is told, and keeps no other waiting', async () => {
  const sent: WorkMessage[] = [];
  const unknown = new Set<DispatchMessage>();
  const ports: DispatchPorts = {
    ...UNKNOWN_TENANTS,
    resendAfterMs: 120_000,
    ledger: {
      readRun: async (run) => (run === RUN_ID ? aRun() : undefined),
      readDone: async () => new Set(),
      readShards: async (run, shards) => (run === RUN_ID && shards.includes(0) ? [aShard([5, 5])] : []),
    },
    lanes: { read: async () => undefined, write: async () => true },
    workQueues: { send: async (_, messages) => void sent.push(...messages.map(({ message }) => message)) },
    clock: () => 0,
    newStamp: () => 's',
    windows: { standard: 4 },
    onUnknownRun: (message) => unknown.add(message),
  };
  const bad: DispatchMessage[] = [{ v: 1, type: 'open', run: NOBODY, shard: 0 }, { v: 1, type: 'heal', run: NOBODY }];
  const noShard = { v: 1, type: 'open', run: RUN_ID, shard: Number.MAX_SAFE_INTEGER } as const;
  const noBatch = { v: 1, type: 'report', run: RUN_ID, shard: 0, batch: Number.MAX_SAFE_INTEGER, q: 1, isDone: true, until: 0 } as const;
  await dispatchBatches([...bad, noShard, noBatch, { v: 1, type: 'open', run: RUN_ID, shard: 0 }], ports);
  expect([...unknown]).toEqual(bad);
  expect(sent).toEqual([0, 1].map((batch) => ({ v: 1, run: RUN_ID, shard: 0, batch, q: 0 })));
});

it('a run for which the record of the lanes has no room waits in the ledger, and is neither unknown nor drift', async () => {
  const state = emptyLanes();
  for (let i = 0; i < 5000; i++) addRun(state, { tenant: `t${i}`, run: `r${i}`, workerClass: 'standard' }).pristine = '0';
  const unknown: DispatchMessage[] = [];
  let written: unknown;
  const ports: DispatchPorts = {
    ...UNKNOWN_TENANTS,
    resendAfterMs: 120_000,
    ledger: { readRun: async () => aRun({ plan: 'p1', totals: { rows: 10, invalid: 0, items: 10, duplicates: 0, shards: 1 } }), readDone: async () => new Set(), readShards: async (run, shards) => (run === RUN_ID && shards.includes(0) ? [aShard([5, 5])] : []) },
    lanes: { read: async () => ({ stamp: 's', state }), write: async (_, after) => ((written = after.state), true) },
    workQueues: { send: async () => undefined },
    clock: () => 0,
    newStamp: () => 's',
    windows: {},
    onUnknownRun: (message) => unknown.push(message),
  };
  const { drift } = await dispatchBatches([{ v: 1, type: 'open', run: RUN_ID, shard: 0 }, { v: 1, type: 'heal', run: RUN_ID }], ports);
  expect([unknown, drift]).toEqual([[], 0]);
  expect(findRun(written as LaneState, RUN_ID)).toBeUndefined();
});
