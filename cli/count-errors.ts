import { ERRORS_FILE_NAME, runPrefix } from '../shared/names.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { readFileLines } from './verify/read-file.ts';

/** Failed items of a run by the name of their error. */
export async function countErrors(results: ObjectStore, { tenant, run }: { tenant: string; run: string }): Promise<Record<string, number>> {
  // Names come from processors: as keys of a plain object, some of them would change it.
  const counts = new Map<string, number>();
  await readFileLines(results, runPrefix(tenant, run) + ERRORS_FILE_NAME, (text) => {
    const { name } = (JSON.parse(text) as { error: { name: string } }).error;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  return Object.fromEntries(counts);
}
