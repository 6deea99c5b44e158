import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import type { CommandContext } from '../settings.ts';
import { describeReport } from '../verify/describe-report.ts';
import { verifyStoredRun } from '../verify-stored-run.ts';

/** Recounts a run from its files, and holds the ledger against them. */
export async function verifyCommand(given: string | undefined, context: CommandContext): Promise<ExitCode> {
  const { terminal, tenant, startBackend, backendOptions } = context;
  const backend = await startBackend({ ...backendOptions, isReadOnly: true });
  try {
    const report = await verifyStoredRun(backend, await findRun(backend, tenant, given));
    if (terminal.isJson) terminal.print(JSON.stringify(report));
    else for (const line of describeReport(report)) terminal.print(line);
    return report.isClean ? EXIT.ok : EXIT.itemsFailed;
  } finally {
    await backend.stop();
  }
}
