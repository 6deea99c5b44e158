import { describe, expect, it } from 'vitest';
import { followRun } from '../../../cli/follow-run.ts';
import type { RunLedger } from '../../../shared/ports.ts';
import type { RunRecord, ShardRecord } from '../../../shared/records.ts';
import { createFakeTerminal } from '../../support/fake-terminal.ts';

const UNTIL = Date.UTC(2026, 0, 1);

const planned = { state: 'open', plan: 'n', totals: { rows: 10, invalid: 0, items: 10, duplicates: 0, shards: 1 } } as RunRecord;

/** Answers the given states one after the other; the last one stays. */
function ledgerOf(states: readonly (readonly [RunRecord | undefined, ok: number])[]) {
  let asked = -1;
  const ledger: Pick<RunLedger, 'readRun' | 'readShards'> = {
    readRun: async () => states[Math.min(++asked, states.length - 1)]![0],
    readShards: async () => [{ ok: states[Math.min(asked, states.length - 1)]![1], ko: 0, sk: 0 } as ShardRecord],
  };
  return { ledger, asked: () => asked + 1 };
}

const finished: RunRecord = { ...planned, state: 'finished' };
const never = new AbortController().signal;

describe('following a run', () => {
  it('goes from admission over the plan to the end', async () => {
    const terminal = createFakeTerminal({ isLive: true });
    const { ledger } = ledgerOf([[undefined, 0], [{ state: 'open' } as RunRecord, 0], [planned, 4], [finished, 10]]);
    expect(await followRun({ ledger }, 'r', terminal, never)).toEqual({ kind: 'ended', record: finished });
    expect(terminal.lives[0]).toBe('waiting for the run to be admitted');
    expect(terminal.lives[1]).toBe('planning the run');
    expect(terminal.lives[2]).toContain('4/10 (40 %)');
    expect(terminal.lives[3]).toContain('10/10 (100 %)');
  });

  it('writes a first line at once and then few where every line stays', async () => {
    const terminal = createFakeTerminal();
    const { ledger } = ledgerOf([...Array.from({ length: 30 }, (_, i) => [planned, i / 3] as const), [finished, 10]]);
    await followRun({ ledger }, 'r', terminal, never);
    expect(terminal.noted[0]).toContain('0/10');
    expect(terminal.noted.length).toBeLessThan(6);
    expect(terminal.noted.at(-1)).toContain('10/10');
  });

  it('names the limit that it waits for, and until when', async () => {
    const terminal = createFakeTerminal({ isLive: true });
    const { ledger } = ledgerOf([[planned, 4], [finished, 10]]);
    await followRun({ ledger, waitsOf: async () => ['a', 'b', 'c'].map((host, i) => ({ limit: `host:${host}.example`, until: UNTIL + i })) }, 'r', terminal, never);
    expect(terminal.lives[0]).toMatch(/waiting for host:a\.example until \d\d:\d\d:\d\d and 2 more/);
    expect(terminal.lives.at(-1)).not.toContain('waiting');
  });

  it('asks less often while nothing changes', async () => {
    const moving = ledgerOf([...Array.from({ length: 40 }, (_, i) => [planned, (i + 1) / 4] as const), [finished, 10]]);
    const standing = ledgerOf([...Array.from({ length: 40 }, () => [planned, 5] as const), [finished, 10]]);
    const [quick, slow] = [createFakeTerminal(), createFakeTerminal()];
    await followRun(moving, 'r', quick, never);
    await followRun(standing, 'r', slow, never);
    // Only before its second look can it not know that something moves.
    expect(quick.now()).toBe(650 + 39 * 500);
    expect(slow.now()).toBeGreaterThan(2 * quick.now());
  });

  it('goes on while the run is being stopped, and says so', async () => {
    const terminal = createFakeTerminal({ isLive: true });
    const stop = { reason: 'cancelled', at: '2026-01-01T00:00:00.000Z' } as const;
    const ended: RunRecord = { ...finished, stop };
    const { ledger } = ledgerOf([[planned, 4], [{ ...planned, state: 'stopping', stop }, 7], [ended, 10]]);
    expect(await followRun({ ledger }, 'r', terminal, never)).toEqual({ kind: 'ended', record: ended });
    expect(terminal.lives[1]).toMatch(/^being cancelled: 7\/10/);
    expect(terminal.lives[2]).toMatch(/^10\/10/);
  });

  it('says that a run waits for credits, or for the items before it, and guesses no remaining time then', async () => {
    const terminal = createFakeTerminal({ isLive: true });
    const since = '2026-01-01T00:00:00Z';
    const credits = { ...planned, queued: { reason: 'credits', since, needs: 2500, has: 300 } } as const;
    const waiting = { ...planned, queued: { reason: 'waiting', since, needs: 100, ahead: 12_000 } } as const;
    const spent = { ...planned, paused: true, pausedFor: 'budget' } as const;
    await followRun(ledgerOf([[credits, 0], [waiting, 0], [spent, 4], [finished, 10]]), 'r', terminal, never);
    expect(terminal.lives.map((line) => line.split(': ').slice(0, 2).join(': ')).slice(0, 3)).toEqual([
      'waiting for credits: needs 2,500, has 300',
      'queued: 12,000 items of its tenant wait before it',
      expect.stringMatching(/^paused \(budget spent\): /) as string,
    ]);
  });

  it('says that a run is paused, and guesses no remaining time then', async () => {
    const terminal = createFakeTerminal({ isLive: true });
    await followRun(ledgerOf([[planned, 3], [{ ...planned, paused: true }, 4], [planned, 5], [finished, 10]]), 'r', terminal, never);
    expect(terminal.lives.map((line) => line.startsWith('paused: '))).toEqual([false, true, false, false]);
    expect(terminal.lives.map((line) => line.includes(' left'))).toEqual([false, false, true, false]);
  });

  it('stops at the signal without an answer', async () => {
    const stopping = new AbortController();
    const terminal = { ...createFakeTerminal(), sleep: async () => stopping.abort() };
    expect(await followRun(ledgerOf([[planned, 1]]), 'r', terminal, stopping.signal)).toEqual({ kind: 'stopped' });
  });
});
