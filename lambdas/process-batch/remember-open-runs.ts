import { isHeld } from '../../shared/is-held.ts';
import type { Clock, RunLedger } from '../../shared/ports.ts';
import type { RunRecord } from '../../shared/records.ts';

/** How long a run may have ended without a worker's noticing. */
const REMEMBERED_MS = 2_000;
const RUNS_REMEMBERED = 100;

type ReadRun = RunLedger['readRun'];

/**
 * Reads a run that was open a moment ago not again: a worker needs its options and processor for every batch, and these never change.
 * A worker that does not know yet that the run has ended is one that had read it just before: SETTLE refuses what it did.
 */
export function rememberOpenRuns(readRun: ReadRun, clock: Clock): ReadRun {
  const known = new Map<string, { readonly run: RunRecord; readonly until: number }>();
  return async (id) => {
    const found = known.get(id);
    if (found && clock() < found.until) return found.run;
    known.delete(id);
    const run = await readRun(id);
    if (!run || isHeld(run)) return run;
    known.set(id, { run, until: clock() + REMEMBERED_MS });
    if (known.size > RUNS_REMEMBERED) known.delete(known.keys().next().value!);
    return run;
  };
}
