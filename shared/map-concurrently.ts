import { BoundedTasks } from './bounded-tasks.ts';

/**
 * Applies `work` to each value, at most `atOnce` at a time; the results stand in the order of the values.
 * The first error ends it: nothing is begun after it.
 */
export async function mapConcurrently<T, R>(values: readonly T[], atOnce: number, work: (value: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(values.length);
  const tasks = new BoundedTasks(atOnce);
  for (const [i, value] of values.entries()) {
    await tasks.start(async () => {
      results[i] = await work(value);
    });
  }
  await tasks.end();
  return results;
}
