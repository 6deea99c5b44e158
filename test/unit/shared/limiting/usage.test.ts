import { expect, it } from 'vitest';
import { LearnedShare } from '../../../../shared/limiting/learned-share.ts';
import { counterAt, staleCounters, usedLately } from '../../../../shared/limiting/usage.ts';

const NOW = 1_700_000_000_000;

it('what was used in the last minute is the sum of its counters; older ones are stale two minutes later', () => {
  const record = { tat: 1, [counterAt(NOW)]: 3, [counterAt(NOW - 50_000)]: 4, [counterAt(NOW - 100_000)]: 5, [counterAt(NOW - 200_000)]: 6 };
  expect(usedLately(record, NOW)).toBe(7);
  expect(staleCounters(record, NOW)).toEqual([counterAt(NOW - 200_000)]);
});

it('a share is learned for each key, never above the worst case nor below one unit', () => {
  const shares = new LearnedShare();
  expect(shares.estimate('a', 1000)).toBe(1000);
  for (let i = 0; i < 60; i++) shares.learn('a', 1000, 100 + (i % 2) * 100);
  expect(shares.estimate('a', 1000)).toBeGreaterThan(200);
  expect(shares.estimate('a', 1000)).toBeLessThan(400);
  expect(shares.estimate('b', 1000)).toBe(1000);
  shares.learn('c', 1000, 5000);
  expect(shares.estimate('c', 1000)).toBe(1000);
  for (let i = 0; i < 100; i++) shares.learn('d', 1000, 0);
  expect(shares.estimate('d', 1000)).toBe(1);
});
