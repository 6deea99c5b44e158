import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesError, RetryBudget, retryDelayMs, type Retrier } from '../../../../../localstack/embedded/state-machine/retry.ts';
import { StatesError } from '../../../../../localstack/embedded/state-machine/states-error.ts';

const retrier = (more: Partial<Retrier> = {}): Retrier => ({ ErrorEquals: ['States.ALL'], IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2, JitterStrategy: 'NONE', ...more });
const fault = (error: string) => new StatesError(error, '');
const anyRetrier = fc.record({
  ErrorEquals: fc.constant(['States.ALL']),
  IntervalSeconds: fc.integer({ min: 1, max: 1000 }),
  MaxAttempts: fc.integer({ min: 0, max: 20 }),
  BackoffRate: fc.double({ min: 1, max: 4, noNaN: true }),
  MaxDelaySeconds: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
  JitterStrategy: fc.constantFrom('FULL' as const, 'NONE' as const),
});

describe('retryDelayMs', () => {
  it('gives the waits of the documented example: 3, 4.5, 6.75 seconds', () => {
    const example = retrier({ IntervalSeconds: 3, BackoffRate: 1.5 });
    expect([0, 1, 2].map((retry) => retryDelayMs(example, retry, () => 0))).toEqual([3000, 4500, 6750]);
  });

  it('multiplies by the rate from one retry to the next until MaxDelaySeconds holds it', () => {
    fc.assert(
      fc.property(anyRetrier, fc.integer({ min: 0, max: 12 }), (one, retries) => {
        let seconds = one.IntervalSeconds;
        for (let retry = 0; retry < retries; retry += 1) seconds *= one.BackoffRate;
        const expected = 1000 * Math.min(seconds, one.MaxDelaySeconds ?? seconds);
        expect(retryDelayMs({ ...one, JitterStrategy: 'NONE' }, retries, () => 0) / expected).toBeCloseTo(1, 9);
      }),
    );
  });

  it('full jitter is the drawn share of the whole wait', () => {
    fc.assert(
      fc.property(anyRetrier, fc.integer({ min: 0, max: 12 }), fc.double({ min: 0, max: 1, noNaN: true }), (one, retry, share) => {
        const whole = retryDelayMs({ ...one, JitterStrategy: 'NONE' }, retry, () => 0);
        expect(retryDelayMs({ ...one, JitterStrategy: 'FULL' }, retry, () => share) / whole).toBeCloseTo(share, 9);
      }),
    );
  });
});

describe('RetryBudget', () => {
  it('gives each retrier exactly its own attempts, in any order of errors', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 }), fc.array(fc.constantFrom('A', 'B')), (a, b, errors) => {
        const budget = new RetryBudget([retrier({ ErrorEquals: ['A'], MaxAttempts: a }), retrier({ ErrorEquals: ['B'], MaxAttempts: b })], () => 0);
        const granted = errors.filter((error) => budget.take(fault(error)) !== undefined);
        for (const [name, most] of [['A', a], ['B', b]] as const) {
          expect(granted.filter((error) => error === name)).toHaveLength(Math.min(most, errors.filter((error) => error === name).length));
        }
        expect(budget.count).toBe(granted.length);
      }),
    );
  });

  it('asks no later retrier when the first that matches has MaxAttempts 0', () => {
    const budget = new RetryBudget([retrier({ ErrorEquals: ['Never'], MaxAttempts: 0 }), retrier()], () => 0);
    expect([budget.take(fault('Never')), budget.take(fault('Other'))]).toEqual([undefined, 1000]);
  });
});

describe('matchesError', () => {
  it.each([
    ['States.ALL', 'Anything', true],
    ['States.ALL', 'States.Timeout', true],
    ['States.ALL', 'States.DataLimitExceeded', false],
    ['States.ALL', 'States.Runtime', false],
    ['States.TaskFailed', 'Lambda.Unknown', true],
    ['States.TaskFailed', 'States.Timeout', false],
    ['States.TaskFailed', 'States.DataLimitExceeded', false],
    ['States.Timeout', 'States.HeartbeatTimeout', true],
    ['States.DataLimitExceeded', 'States.DataLimitExceeded', true],
    ['States.Runtime', 'States.Runtime', false],
    ['Mine', 'Mine', true],
    ['Mine', 'Other', false],
  ])('%s takes %s: %s', (pattern, error, isTaken) => {
    expect(matchesError([pattern], fault(error))).toBe(isTaken);
  });
});
