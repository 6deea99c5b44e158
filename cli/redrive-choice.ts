import { readHostName, type RowChoice } from '../lambdas/serve-api/redrive/choose-rows.ts';
import { UsageError } from '../shared/errors.ts';

/** Which items `spillway redrive` takes, as its options say it. */
export interface ChoiceOptions {
  readonly error: readonly string[];
  readonly host: readonly string[];
  readonly retryable?: true;
  readonly before?: string;
  readonly skipped?: true;
}

/** @throws UsageError naming the option */
export const readChoice = ({ error, host, retryable, before, skipped }: ChoiceOptions): RowChoice => ({
  errors: new Set(error),
  hosts: new Set(host.map(readHost)),
  isRetryableOnly: retryable === true,
  beforeMs: before === undefined ? Infinity : readTime(before),
  withSkipped: skipped === true,
});

function readHost(text: string): string {
  const host = readHostName(text);
  if (!host) throw new UsageError(`expected --host to be a host such as example.com, got ${text}`);
  return host;
}

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

function readTime(text: string): number {
  const time = TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new UsageError(`expected --before to be a time such as 2026-01-31T12:00Z, got ${text}`);
  return time;
}
