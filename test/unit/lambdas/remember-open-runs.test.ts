import { beforeEach, describe, expect, it } from 'vitest';
import { rememberOpenRuns } from '../../../lambdas/process-batch/remember-open-runs.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { aRun } from '../../support/ledger-fixtures.ts';

describe('rememberOpenRuns', () => {
  let now: number;
  let stored: Map<string, RunRecord>;
  let reads: string[];
  const clock = () => now;
  const readRun = async (run: string) => (reads.push(run), stored.get(run));

  beforeEach(() => {
    now = 1_000_000;
    reads = [];
    stored = new Map([['a', aRun({ run: 'a', state: 'open' })]]);
  });

  it('reads a run that was open a moment ago once', async () => {
    const find = rememberOpenRuns(readRun, clock);
    expect([await find('a'), await find('a')]).toEqual([stored.get('a'), stored.get('a')]);
    expect(reads).toEqual(['a']);
  });

  it('notices the end of a run within two seconds', async () => {
    const find = rememberOpenRuns(readRun, clock);
    await find('a');
    stored.set('a', aRun({ run: 'a', state: 'failed' }));
    now += 2_000;
    expect(await find('a')).toMatchObject({ state: 'failed' });
  });

  it.each([undefined, aRun({ run: 'b', state: 'finished' })])('reads what is not open each time: %o', async (record) => {
    if (record) stored.set('b', record);
    const find = rememberOpenRuns(readRun, clock);
    await find('b');
    stored.set('b', aRun({ run: 'b', state: 'open' }));
    expect(await find('b')).toMatchObject({ state: 'open' });
  });

  it('remembers so many runs only', async () => {
    const find = rememberOpenRuns(readRun, clock);
    for (let n = 0; n <= 100; n++) {
      stored.set(String(n), aRun({ run: String(n), state: 'open' }));
      await find(String(n));
    }
    await find('0');
    expect(reads.filter((run) => run === '0')).toHaveLength(2);
  });
});
