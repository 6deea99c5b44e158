import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendOptions } from '../../../../cli/backend.ts';
import { cancelCommand, pauseCommand, resumeCommand } from '../../../../cli/commands/control.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import type { RunRecord, ShardRecord } from '../../../../shared/records.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { aRun, aShard, RUN_ID } from '../../../support/ledger-fixtures.ts';

const stop = { reason: 'cancelled', at: '2026-01-01T00:00:00.000Z' } as const;
const plan = { plan: 'p1', totals: { rows: 10, invalid: 0, items: 10, duplicates: 1, shards: 1 } };
const finished = aRun({ ...plan, state: 'finished' });

let record: RunRecord;
let shard: ShardRecord;
let calls: string[];
let started: BackendOptions[];
let stops: number;
/** What happens to the run each time that somebody waits. */
let meanwhile: () => void;
beforeEach(() => {
  record = aRun(plan);
  shard = aShard([9], { ok: 3, ko: 1 });
  calls = [];
  started = [];
  stops = 0;
  meanwhile = () => undefined;
});

const change = (name: string, changes: Partial<RunRecord> | (() => Partial<RunRecord>)) => async (run: string) => {
  calls.push(`${name} ${run}`);
  record = { ...record, ...(typeof changes === 'function' ? changes() : changes) };
  return record;
};
const isOpen = () => record.state === 'open';

function contextOf({ isJson = false, control = {}, signal = new AbortController().signal }: { isJson?: boolean; control?: Partial<Backend['control']>; signal?: AbortSignal } = {}): CommandContext & { terminal: ReturnType<typeof createFakeTerminal> } {
  const backend = {
    ledger: { readRun: async (run: string) => (run === RUN_ID ? record : undefined), readShards: async () => [shard], listRuns: async () => [record] },
    control: {
      cancel: change('cancel', () => (isOpen() ? { state: 'stopping', stop } : {})),
      pause: change('pause', () => (isOpen() ? { paused: true } : {})),
      resume: async (run: string) => {
        calls.push(`resume ${run}`);
        const { paused: _, ...rest } = record;
        return (record = rest);
      },
      restart: change('restart', () => (record.state === 'finished' ? {} : { execution: 'new' })),
      ...control,
    },
    stop: async () => void stops++,
  } as unknown as Backend;
  const terminal = createFakeTerminal({ isJson });
  const sleep: typeof terminal.sleep = async (ms, given) => {
    meanwhile();
    return terminal.sleep(ms, given);
  };
  const startBackend = async (options: BackendOptions) => (started.push(options), backend);
  return { terminal: { ...terminal, sleep }, tenant: 'acme', backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend, signal };
}

const end = (how: Partial<RunRecord>) => () => {
  record = { ...record, ...how };
  shard = { ...shard, sk: 5, nd: 1 };
};

describe('spillway cancel', () => {
  it('stops the run, follows it to its end, says what came out and how to go on', async () => {
    meanwhile = end({ state: 'finished' });
    const context = contextOf();
    expect(await cancelCommand(undefined, context)).toBe(0);
    expect(calls).toEqual([`cancel ${RUN_ID}`]);
    const text = context.terminal.printed.join('\n');
    expect(text).toContain(`run ${RUN_ID} cancelled: 3 succeeded, 1 failed, 6 skipped of 10 items`);
    expect(text).toContain(`spillway redrive ${RUN_ID} --skipped`);
    expect([started[0]!.isReadOnly, stops]).toEqual([undefined, 1]);
  });

  it('cancels a paused run', async () => {
    record = aRun({ ...plan, paused: true });
    meanwhile = end({ state: 'finished' });
    expect(await cancelCommand(RUN_ID, contextOf())).toBe(0);
  });

  it('says of a run without a plan that it ends after it', async () => {
    record = aRun();
    meanwhile = () => {
      meanwhile = end({ state: 'finished', ...plan });
    };
    const context = contextOf();
    expect(await cancelCommand(RUN_ID, context)).toBe(0);
    expect(context.terminal.noted).toContain(`run ${RUN_ID} is not planned yet: it ends as soon as it is`);
  });

  it.each([
    ['finished', finished, 1, 'had ended already: finished'],
    ['failed', aRun({ state: 'failed', error: 'no rows' }), 1, 'had ended already: failed'],
    ['stopped for another reason', aRun({ ...plan, state: 'finished', stop: { ...stop, reason: 'time limit' } }), 1, 'had ended already: stopped (time limit)'],
    ['cancelled', aRun({ ...plan, state: 'finished', stop }), 0, 'cancelled: 3 succeeded'],
  ] as const)('changes nothing of a run that is %s already', async (_, before, code, says) => {
    record = before;
    const context = contextOf();
    expect(await cancelCommand(RUN_ID, context)).toBe(code);
    expect(calls).toEqual([]);
    expect(context.terminal.printed.join('\n')).toContain(says);
  });

  it('answers 1 if the run ended by itself in between', async () => {
    meanwhile = end({ state: 'finished' });
    const context = contextOf({ control: { cancel: async () => finished } });
    expect(await cancelCommand(RUN_ID, context)).toBe(1);
  });

  it('does not wait after Ctrl-C, and says how to see the end', async () => {
    const stopping = new AbortController();
    meanwhile = () => stopping.abort();
    const context = contextOf({ signal: stopping.signal, control: { cancel: () => new Promise(() => undefined) } });
    expect(await cancelCommand(RUN_ID, context)).toBe(0);
    expect(context.terminal.noted.at(-1)).toContain(`spillway watch ${RUN_ID}`);
    expect(stops).toBe(1);
  });

  it('hands on why the ledger could not be written', async () => {
    const context = contextOf({ control: { cancel: async () => Promise.reject(new Error('no ledger')) } });
    await expect(cancelCommand(RUN_ID, context)).rejects.toThrow('no ledger');
    expect(stops).toBe(1);
  });

  it('is one JSON document with --json', async () => {
    meanwhile = end({ state: 'finished' });
    const context = contextOf({ isJson: true });
    await cancelCommand(RUN_ID, context);
    expect(context.terminal.printed.map((line) => JSON.parse(line) as unknown)).toEqual([{ run: RUN_ID, state: 'finished', paused: false, stop, counts: { succeeded: 3, failed: 1, skipped: 6, pending: 0, total: 10 } }]);
  });
});

describe('spillway pause and resume', () => {
  it('pause and resume an open run without starting a worker', async () => {
    const context = contextOf();
    expect(await pauseCommand(undefined, context)).toBe(0);
    expect(record.paused).toBe(true);
    expect(await resumeCommand(undefined, {}, context)).toBe(0);
    expect(record).not.toHaveProperty('paused');
    expect(calls).toEqual([`pause ${RUN_ID}`, `resume ${RUN_ID}`]);
    expect(started.map(({ isReadOnly }) => isReadOnly)).toEqual([true, true]);
    expect(context.terminal.printed[0]).toContain(`is paused: what is in work ends, nothing else begins; spillway resume ${RUN_ID}`);
    expect(context.terminal.printed[1]).toContain('goes on');
  });

  it('resume says that a run was not paused', async () => {
    const context = contextOf();
    expect(await resumeCommand(RUN_ID, {}, context)).toBe(0);
    expect(context.terminal.printed[0]).toContain('was not paused');
  });

  it('answer 1 for a run that is being cancelled or has ended', async () => {
    const context = contextOf();
    for (const before of [aRun({ ...plan, state: 'stopping', stop }), finished]) {
      record = before;
      expect(await pauseCommand(RUN_ID, context)).toBe(1);
      expect(await resumeCommand(RUN_ID, {}, context)).toBe(1);
    }
    expect(context.terminal.printed).toEqual([...Array<string>(2).fill(`run ${RUN_ID} is being cancelled`), ...Array<string>(2).fill(`run ${RUN_ID} had ended already: finished`)]);
  });

  it('resume --restart starts a new execution, also of a paused run or one that is being cancelled, in a stack that works', async () => {
    const context = contextOf();
    for (const before of [aRun({ ...plan, paused: true }), aRun({ ...plan, state: 'stopping', stop })]) {
      record = before;
      expect(await resumeCommand(RUN_ID, { restart: true }, context)).toBe(0);
      expect(record).toMatchObject({ execution: 'new' });
      expect(record).not.toHaveProperty('paused');
    }
    expect(started[0]!.isReadOnly).toBeUndefined();
    record = finished;
    expect(await resumeCommand(RUN_ID, { restart: true }, context)).toBe(1);
  });

  it('print one JSON document with --json', async () => {
    const context = contextOf({ isJson: true });
    await pauseCommand(RUN_ID, context);
    expect(JSON.parse(context.terminal.printed[0]!)).toEqual({ run: RUN_ID, state: 'open', paused: true });
  });
});
