import { expect, it } from 'vitest';
import { isAboveThreshold } from '../../../shared/failure-threshold.ts';

it.each([
  [{ maxFailures: 3 }, { succeeded: 0, failed: 3 }, false],
  [{ maxFailures: 3 }, { succeeded: 0, failed: 4 }, true],
  [{ maxFailures: 0 }, { succeeded: 9, failed: 1 }, true],
  [{ maxFailureRatio: 0.5 }, { succeeded: 0, failed: 99 }, false],
  [{ maxFailureRatio: 0.5 }, { succeeded: 49, failed: 51 }, true],
  [{ maxFailureRatio: 0.5 }, { succeeded: 50, failed: 50 }, false],
  [{ maxFailureRatio: 0.5, failureSample: 2 }, { succeeded: 0, failed: 2 }, true],
  [{ maxFailureRatio: 1 }, { succeeded: 0, failed: 500 }, false],
  [{}, { succeeded: 0, failed: 1_000_000 }, false],
])('%o with %o is above the threshold: %s', (threshold, counts, isAbove) => {
  expect(isAboveThreshold(counts, threshold)).toBe(isAbove);
});
