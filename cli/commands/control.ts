import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { Backend } from '../backend.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { type FollowEnd, followRun } from '../follow-run.ts';
import { formatCount } from '../progress.ts';
import { describeState, hasEnded } from '../run-state.ts';
import type { CommandContext } from '../settings.ts';

/** Ends a run before its work does, and follows it until it has its results. */
export async function cancelCommand(given: string | undefined, context: CommandContext): Promise<ExitCode> {
  return withRun(given, context, {}, async (before, backend) => {
    if (hasEnded(before)) return tellEnd(before, backend, context);
    const end = await cancelAndFollow(before, backend, context);
    if (end.kind === 'ended') return tellEnd(end.record, backend, context);
    context.terminal.note(`run ${before.run} is being cancelled; the stack ends it while it runs: spillway watch ${before.run}`);
    return EXIT.ok;
  });
}

async function cancelAndFollow({ run }: RunRecord, backend: Backend, { terminal, signal }: CommandContext): Promise<FollowEnd> {
  const failed = new AbortController();
  const cancelling = cancelOrSay(run, backend, terminal.note).catch((error: unknown) => failed.abort(error));
  const end = await followRun(backend, run, terminal, AbortSignal.any([signal, failed.signal]));
  // After Ctrl-C nobody waits for it: what it has not settled yet, the sweep settles.
  if (end.kind === 'ended') await cancelling;
  failed.signal.throwIfAborted();
  return end;
}

async function cancelOrSay(run: string, { control }: Backend, note: (line: string) => void): Promise<void> {
  const record = await control.cancel(run);
  if (record?.state === 'stopping' && !isPlanned(record)) note(`run ${run} is not planned yet: it ends as soon as it is`);
}

/** @returns 0 for a run that was cancelled, now or before */
async function tellEnd(record: RunRecord, { ledger }: Backend, { terminal }: CommandContext): Promise<ExitCode> {
  const isCancelled = record.state === 'finished' && record.stop?.reason === 'cancelled';
  const counts = isPlanned(record) ? countRun(record, await readAllShards(ledger, record)) : undefined;
  if (terminal.isJson) terminal.print(JSON.stringify({ ...stateDocument(record), ...(counts && { counts }) }));
  else if (isCancelled && counts) {
    terminal.print(`run ${record.run} cancelled: ${formatCount(counts.succeeded)} succeeded, ${formatCount(counts.failed)} failed, ${formatCount(counts.skipped)} skipped of ${formatCount(counts.total)} items`);
    terminal.print(`next: spillway results ${record.run}; spillway redrive ${record.run} --skipped goes on with what failed and what was skipped`);
  } else terminal.print(`run ${record.run} had ended already: ${describeState(record)}`);
  return isCancelled ? EXIT.ok : EXIT.itemsFailed;
}

/** Lets what is in work end, and nothing begin. */
export async function pauseCommand(given: string | undefined, context: CommandContext): Promise<ExitCode> {
  // Read-only: no stack that is started for this works on the run meanwhile.
  return withRun(given, context, { isReadOnly: true }, async ({ run }, { control }) => {
    const record = await control.pause(run);
    return tellState(record, `is paused: what is in work ends, nothing else begins; spillway resume ${run} lets it go on`, record?.paused === true, context);
  });
}

export interface ResumeOptions {
  /** Starts a new execution of the state machine. */
  readonly restart?: true;
}

export async function resumeCommand(given: string | undefined, { restart }: ResumeOptions, context: CommandContext): Promise<ExitCode> {
  const follow = (run: string) => `follow it with spillway watch ${run}`;
  return withRun(given, context, restart ? {} : { isReadOnly: true }, async (before, { control }) => {
    const { run } = before;
    const record = hasEnded(before) ? before : await control.resume(run);
    if (!restart) return tellState(record, before.paused ? `goes on; ${follow(run)}` : `was not paused; ${follow(run)}`, record?.state === 'open', context);
    const restarted = hasEnded(before) ? before : await control.restart(run);
    return tellState(restarted, `goes on in a new execution; ${follow(run)}`, restarted !== undefined && !hasEnded(restarted), context);
  });
}

function tellState(record: RunRecord | undefined, sentence: string, isDone: boolean, { terminal }: CommandContext): ExitCode {
  if (!record) throw new Error('expected the record of the run, it is gone');
  if (terminal.isJson) terminal.print(JSON.stringify(stateDocument(record)));
  else terminal.print(isDone ? `run ${record.run} ${sentence}` : `run ${record.run} ${hasEnded(record) ? 'had ended already:' : 'is'} ${describeState(record)}`);
  return isDone ? EXIT.ok : EXIT.itemsFailed;
}

const stateDocument = ({ run, state, paused, stop, error }: RunRecord) => ({ run, state, paused: paused === true, ...(stop && { stop }), ...(error !== undefined && { error }) });

async function withRun(
  given: string | undefined,
  { startBackend, backendOptions, tenant }: CommandContext,
  settings: { readonly isReadOnly?: true },
  act: (record: RunRecord, backend: Backend) => Promise<ExitCode>,
): Promise<ExitCode> {
  const backend = await startBackend({ ...backendOptions, ...settings });
  try {
    return await act(await findRun(backend, tenant, given), backend);
  } finally {
    await backend.stop();
  }
}
