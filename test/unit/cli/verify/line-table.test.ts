import { describe, expect, it } from 'vitest';
import { fingerprintOf } from '../../../../cli/verify/fingerprint.ts';
import { LineFingerprints, LineNumbers } from '../../../../cli/verify/line-table.ts';

describe('fingerprints by line', () => {
  const table = new LineFingerprints();
  for (const [line, text] of [[5, 'a'], [70_000, 'b'], [2_000_000, 'a'], [2_000_001, 'a'], [2_000_002, 'c']] as const) table.set(line, fingerprintOf(text));

  it('give each accepted line that repeats an earlier one, with the first', () => {
    expect([...table.repeats(() => true)]).toEqual([{ line: 2_000_000, first: 5 }, { line: 2_000_001, first: 5 }]);
    expect([...table.repeats((line) => line !== 5)]).toEqual([{ line: 2_000_001, first: 2_000_000 }]);
    expect([...table.repeats((line) => line < 100_000)]).toEqual([]);
  });

  it('say which lines are equal; a line without one equals none', () => {
    expect([table.areEqual(5, 2_000_000), table.areEqual(5, 70_000), table.areEqual(6, 7), table.areEqual(900_000, 900_000)]).toEqual([true, false, false, false]);
  });

  it('find the first line of each', () => {
    const firstLineOf = table.firstLineOf(['a', 'c', 'd'].map(fingerprintOf));
    expect(['a', 'c', 'd', 'b'].map((text) => firstLineOf(fingerprintOf(text)))).toEqual([5, 2_000_002, undefined, undefined]);
  });
});

it('numbers by line are read back in order, and cleared', () => {
  const table = new LineNumbers();
  table.set(100_000, 4_294_967_295);
  table.set(1, 7);
  expect([...table.entries()]).toEqual([[1, 7], [100_000, 4_294_967_295]]);
  table.clear();
  expect([table.get(1), [...table.entries()]]).toEqual([0, []]);
});
