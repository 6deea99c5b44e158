import { join } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { followRun } from '../follow-run.ts';
import type { CommandContext } from '../settings.ts';
import { finishRun } from './run.ts';

/** Follows a run to its end, going on with it if no stack was running. */
export async function watchCommand(given: string | undefined, { out }: { readonly out: string }, context: CommandContext): Promise<ExitCode> {
  const { terminal, tenant, startBackend, backendOptions, signal } = context;
  const backend = await startBackend(backendOptions);
  try {
    const { run } = await findRun(backend, tenant, given);
    terminal.note(`run ${run}`);
    const end = await followRun(backend, run, terminal, signal);
    if (end.kind === 'ended') return await finishRun(end.record, join(out, run), backend, context);
    terminal.note(`stopped watching run ${run}; go on with: spillway watch ${run}`);
    return EXIT.ok;
  } finally {
    await backend.stop();
  }
}
