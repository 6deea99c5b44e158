import { expect, it } from 'vitest';
import { limitToEvery } from '../../../lambdas/process-batch/limit-to-every.ts';
import { Retirement } from '../../../lambdas/process-batch/retirement.ts';

const MB = 1_048_576;

it('an environment retires after its items, above its heap, or when something in it did not end', () => {
  const retirement = new Retirement({ items: 10, heapMb: 100 });
  retirement.note({ rows: 9, unended: 0 });
  expect(retirement.reason(100 * MB)).toBeUndefined();
  expect(retirement.reason(101 * MB)).toContain('101 MB');
  retirement.note({ rows: 1, unended: 0 });
  expect(retirement.reason(0)).toContain('10 items');
  const tainted = new Retirement({ items: 10, heapMb: 100 });
  tainted.note({ rows: 1, unended: 2 });
  expect(tainted.reason(0)).toContain('2 items did not end');
});

it('a name is let through once in its time, whatever other names do', () => {
  let now = 0;
  const isDue = limitToEvery(5_000, () => now);
  expect([isDue('a'), isDue('a'), isDue('b')]).toEqual([true, false, true]);
  now = 5_000;
  expect([isDue('a'), isDue('a')]).toEqual([true, false]);
});
