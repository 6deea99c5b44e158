import fc from 'fast-check';
import { expect, test } from 'vitest';
import { playSchedule } from '../support/limit-schedule.ts';

test('whatever is reserved, given back, charged, paused and changed, by clocks that differ and under two keys: no window holds more than it may', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const { excess, trace } = playSchedule(seed);
      expect(excess, trace.join('\n')).toBeUndefined();
    }),
    { numRuns: 1500, endOnFailure: true },
  );
});
