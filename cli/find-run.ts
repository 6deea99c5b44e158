import { UsageError } from '../shared/errors.ts';
import type { RunRecord } from '../shared/records.ts';
import type { Backend } from './backend.ts';

/** Enough to find a run by the start of its id. */
const LOOKED_AT = 1000;

/** The run of that id (or the one whose id begins so), else the latest. @throws UsageError if there is none, or more than one */
export async function findRun({ ledger }: Pick<Backend, 'ledger'>, tenant: string, given: string | undefined): Promise<RunRecord> {
  const exact = given === undefined ? undefined : await ledger.readRun(given);
  if (exact?.deletedAt !== undefined) throw new UsageError(`expected a run that is there: ${exact.run} was deleted ${exact.deletedAt}`);
  if (exact) return exact;
  const runs = (await ledger.listRuns(tenant, LOOKED_AT)).filter(({ deletedAt }) => deletedAt === undefined);
  if (given === undefined) {
    if (!runs[0]) throw new UsageError('expected a run, but there is none yet: start one with `spillway run <manifest>`');
    return runs[0];
  }
  const [first, second] = runs.filter(({ run }) => run.startsWith(given));
  if (!first) throw new UsageError(`expected a run's id, got ${given}: the latest runs are ${runs.slice(0, 3).map(({ run }) => run).join(', ') || 'none'}`);
  if (second) throw new UsageError(`expected one run, but several ids begin with ${given}: give more characters`);
  return first;
}
