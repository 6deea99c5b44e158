import type { Runs } from './records.ts';

/** Run-length encoding of a value for each batch. `valueAt(lengthsOfRuns(x), i)` is x[i]. */
export function lengthsOfRuns(values: readonly string[]): Runs {
  const runs: [string, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.[0] === value) last[1]++;
    else runs.push([value, 1]);
  }
  return runs;
}

/** @returns `''` beyond the end, or if there are no runs */
export function valueAt(runs: Runs | undefined, index: number): string {
  let end = 0;
  for (const [value, batches] of runs ?? []) if (index < (end += batches)) return value;
  return '';
}
