import { join } from 'node:path';
import { UsageError } from '../../shared/errors.ts';
import { copyResults } from '../copy-results.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { formatCount } from '../progress.ts';
import { describeState } from '../run-state.ts';
import type { CommandContext } from '../settings.ts';

/** Copies a finished run's files to disk. */
export async function resultsCommand(given: string | undefined, { out }: { readonly out: string }, context: CommandContext): Promise<ExitCode> {
  const { terminal, tenant, startBackend, backendOptions } = context;
  const backend = await startBackend({ ...backendOptions, isReadOnly: true });
  try {
    const record = await findRun(backend, tenant, given);
    const folder = join(out, record.run);
    const manifest = await copyResults(backend.results, record, folder);
    if (!manifest) throw new UsageError(`run ${record.run} is ${describeState(record)} and has no results yet: follow it with \`spillway watch ${record.run}\``);
    if (terminal.isJson) terminal.print(JSON.stringify({ run: record.run, ...(record.stop && { stop: record.stop }), folder, counts: manifest.counts, files: manifest.files }));
    else {
      terminal.print(`${formatCount(manifest.files.length)} files of run ${record.run} (${describeState(record)}) are in ${folder}`);
      for (const { path, bytes } of manifest.files.slice(0, SHOWN_FILES)) terminal.print(`  ${formatCount(bytes).padStart(12)}  ${path}`);
      if (manifest.files.length > SHOWN_FILES) terminal.print(`  and ${formatCount(manifest.files.length - SHOWN_FILES)} more`);
    }
    return EXIT.ok;
  } finally {
    await backend.stop();
  }
}

const SHOWN_FILES = 20;
