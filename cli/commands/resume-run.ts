import { join } from 'node:path';
import { UsageError } from '../../shared/errors.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { Backend } from '../backend.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { followRun } from '../follow-run.ts';
import { hasEnded } from '../run-state.ts';
import type { CommandContext } from '../settings.ts';
import { finishRun } from './run.ts';

/** As many of the tenant's latest runs are looked at for one that is open. */
const LOOKED_AT = 1000;

/**
 * Goes on with a run whose process was stopped or killed, and ends as `run` does. A stack that starts on the data folder goes on with every open
 * run by itself; this follows one of them.
 * @param given id of the run, or the start of it; undefined: the latest that is open, else the latest
 */
export async function resumeRunCommand(given: string | undefined, { out }: { readonly out: string }, context: CommandContext): Promise<ExitCode> {
  const { terminal, backendOptions, startBackend, signal } = context;
  terminal.note(`starting the stack in ${backendOptions.dataFolder}`);
  const backend = await startBackend(backendOptions);
  try {
    const { run, ...record } = await findResumable(backend, context.tenant, given);
    terminal.note(hasEnded(record) ? `run ${run} has ended already` : `run ${run}`);
    const end = await followRun(backend, run, terminal, signal);
    if (end.kind === 'ended') return await finishRun(end.record, join(out, run), backend, context);
    terminal.note(`stopped run ${run}; go on with: spillway run --resume ${run}`);
    return EXIT.runFailed;
  } finally {
    await backend.stop();
  }
}

async function findResumable(backend: Backend, tenant: string, given: string | undefined): Promise<RunRecord> {
  if (given !== undefined) return findRun(backend, tenant, given);
  const runs = await backend.ledger.listRuns(tenant, LOOKED_AT);
  const found = runs.find((run) => !hasEnded(run)) ?? runs[0];
  if (!found) throw new UsageError('expected a run to go on with, but there is none: its upload had not been stored; start it again with `spillway run <manifest>`');
  return found;
}
