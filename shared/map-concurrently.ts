/** Applies `work` to each value, at most `atOnce` at a time; the results stand in the order of the values. The first error ends it. */
export async function mapConcurrently<T, R>(values: readonly T[], atOnce: number, work: (value: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(values.length);
  const queue = values.entries();
  const runNext = async () => {
    for (const [i, value] of queue) results[i] = await work(value);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, values.length) }, runNext));
  return results;
}
