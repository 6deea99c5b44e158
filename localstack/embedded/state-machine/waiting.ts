import type { StateMachineTools } from '../contracts.ts';
import { AbortedError } from './states-error.ts';

type Waits = Pick<StateMachineTools, 'wait'>;

/** The promise's own end, or AbortedError as soon as the signal says so; what comes later is ignored. */
export const abortable = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new AbortedError('The execution was stopped.'));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

export const waitFor = (tools: Waits, ms: number, signal: AbortSignal): Promise<void> => abortable(tools.wait(ms, signal), signal);

/** Runs the body with a signal that also aborts when it is over or late. @throws what `late` makes after `ms` milliseconds. */
export const withDeadline = async <T>(tools: Waits, deadline: { readonly ms: number | undefined; readonly late: () => Error }, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  if (deadline.ms === undefined) return body(signal);
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const timer = waitFor(tools, deadline.ms, either).then((): never => {
    throw deadline.late();
  });
  try {
    return await Promise.race([timer, body(either)]);
  } finally {
    over.abort();
  }
};

/** Does the work for each item with so many at once. The first failure stops the others, waits for their end and is thrown. */
export const mapConcurrently = async <T, R>(items: readonly T[], limit: number, signal: AbortSignal, work: (item: T, index: number, signal: AbortSignal) => Promise<R>): Promise<R[]> => {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results = new Array<R>(items.length);
  const faults: unknown[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [index, item] of queue) {
      if (either.aborted) return;
      try {
        results[index] = await work(item, index, either);
      } catch (fault) {
        faults.push(fault);
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (signal.aborted) throw new AbortedError('The execution was stopped.');
  if (faults.length > 0) throw faults[0];
  return results;
};
