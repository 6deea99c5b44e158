import { beforeEach, expect, it } from 'vitest';
import { createRunControl, type RunControlPorts } from '../../../shared/run-control.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { aRun, RUN_ID } from '../../support/ledger-fixtures.ts';

let record: RunRecord | undefined;
let sent: { type: string; dedupId: string }[];
let started: [name: string, input: unknown][];
beforeEach(() => {
  record = aRun();
  sent = [];
  started = [];
});

function control() {
  let ids = 0;
  const change = (changes: Partial<RunRecord>) => (record = record && { ...record, ...changes });
  const ledger = {
    setPaused: async (_: string, isPaused: boolean) => change(isPaused ? { paused: true } : {}),
    restart: async (_: string, execution: string) => (record?.state === 'open' ? change({ execution }) : record),
    markStarted: async (_: string, execution: string) => void change({ started: execution }),
    requestStop: async (_: string, stop: RunRecord['stop']) => change({ state: 'stopping', ...(stop && { stop }) }),
  };
  return createRunControl({
    ledger: ledger as unknown as RunControlPorts['ledger'],
    dispatchQueue: { send: async ({ type }, dedupId) => void sent.push({ type, dedupId }) },
    executions: { start: async (name, input) => void started.push([name, input]) },
    newOwner: () => `${'0'.repeat(35)}${ids++}`,
    clock: () => Date.parse('2026-01-01T00:00:00.000Z'),
  } as Partial<RunControlPorts> as RunControlPorts);
}

it('the dispatcher hears of every pause and resume, however soon one follows the other', async () => {
  const { pause, resume } = control();
  expect(await pause(RUN_ID)).toMatchObject({ paused: true });
  await resume(RUN_ID);
  await pause(RUN_ID);
  expect(sent.map(({ type }) => type)).toEqual(['heal', 'heal', 'heal']);
  expect(new Set(sent.map(({ dedupId }) => dedupId)).size).toBe(3);
});

it('no message names a run that does not exist', async () => {
  record = undefined;
  expect(await control().pause(RUN_ID)).toBeUndefined();
  expect(await control().restart(RUN_ID)).toBeUndefined();
  expect([sent, started]).toEqual([[], []]);
});

it('a restart starts an execution of a new name that the record has, each time another', async () => {
  const { restart } = control();
  for (let i = 0; i < 2; i++) {
    const after = await restart(RUN_ID);
    expect(started[i]).toEqual([after!.execution, { v: 1, run: RUN_ID }]);
    expect(record!.started).toBe(after!.execution);
    // Step Functions: at most 80 of these characters.
    expect(after!.execution).toMatch(/^[\w-]{1,80}$/);
  }
  expect(new Set([RUN_ID, ...started.map(([name]) => name)]).size).toBe(3);
});

it('a restart leaves a run that has ended as it is', async () => {
  record = aRun({ state: 'finished' });
  await control().restart(RUN_ID);
  expect(started).toEqual([]);
});

it('a cancel writes why and when', async () => {
  await control().cancel(RUN_ID);
  expect(record).toMatchObject({ state: 'stopping', stop: { reason: 'cancelled', at: '2026-01-01T00:00:00.000Z' } });
});
