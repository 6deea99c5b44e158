import { StatesErrorName, type StatesError } from './states-error.ts';

/** One retrier, defaults filled in. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  /** 0: never retried, and no later retrier is asked. */
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds?: number | undefined;
  readonly JitterStrategy: 'FULL' | 'NONE';
}

const matchesName = (pattern: string, error: string): boolean => {
  // States.Runtime is never handled, not even by its own name; States.DataLimitExceeded only by its own name.
  if (error === StatesErrorName.runtime) return false;
  if (pattern === error) return true;
  if (error === StatesErrorName.dataLimitExceeded) return false;
  if (pattern === StatesErrorName.all) return true;
  if (pattern === StatesErrorName.taskFailed) return error !== StatesErrorName.timeout;
  return pattern === StatesErrorName.timeout && error === StatesErrorName.heartbeatTimeout;
};

/** Whether a retrier or catcher takes the error, as Step Functions documents its reserved names. */
export const matchesError = (errorEquals: readonly string[], fault: StatesError): boolean => errorEquals.some((pattern) => matchesName(pattern, fault.error));

/**
 * The wait before retry number `retry` (0 is the first) of one retrier: IntervalSeconds x BackoffRate^retry, at most MaxDelaySeconds;
 * with full jitter anything from 0 (included) up to that.
 */
export const retryDelayMs = (retrier: Retrier, retry: number, random: () => number): number => {
  const seconds = Math.min(retrier.IntervalSeconds * retrier.BackoffRate ** retry, retrier.MaxDelaySeconds ?? Infinity);
  return (retrier.JitterStrategy === 'FULL' ? random() * seconds : seconds) * 1000;
};

/** Counts a state's retries: each retrier has its own budget, and the first that matches decides alone. */
export class RetryBudget {
  readonly #retriers: readonly Retrier[];
  readonly #used: number[];
  readonly #random: () => number;
  /** `$$.State.RetryCount` */
  count = 0;

  constructor(retriers: readonly Retrier[], random: () => number) {
    this.#retriers = retriers;
    this.#used = retriers.map(() => 0);
    this.#random = random;
  }

  /** @returns the wait before the next try, or undefined if there is none. */
  take(fault: StatesError): number | undefined {
    const index = this.#retriers.findIndex((retrier) => matchesError(retrier.ErrorEquals, fault));
    const retrier = this.#retriers[index];
    const used = this.#used[index] ?? 0;
    if (retrier === undefined || used >= retrier.MaxAttempts) return undefined;
    this.#used[index] = used + 1;
    this.count += 1;
    return retryDelayMs(retrier, used, this.#random);
  }
}
