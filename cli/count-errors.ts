import { ERRORS_FILE_NAME, runPrefix } from '../shared/names.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { readFileLines } from './verify/read-file.ts';

/** Failed items of a run by the name of their error. */
export async function countErrors(results: ObjectStore, { tenant, run }: { tenant: string; run: string }): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await readFileLines(results, runPrefix(tenant, run) + ERRORS_FILE_NAME, (text) => {
    const { name } = (JSON.parse(text) as { error: { name: string } }).error;
    counts[name] = (counts[name] ?? 0) + 1;
  });
  return counts;
}
