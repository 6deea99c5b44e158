import { CommanderError } from 'commander';
import { ConfigurationError, ManifestRefusedError, UsageError } from '../shared/errors.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { codeOfCommanderError, createProgram } from './program.ts';

await main();

/** Exit codes and signals are the process's; everything else is in the commands. */
async function main(): Promise<void> {
  const stopping = new AbortController();
  process.on('SIGINT', () => stopOrEnd(stopping));
  process.on('SIGTERM', () => stopOrEnd(stopping));
  let code: ExitCode = EXIT.ok;
  const program = createProgram({ signal: stopping.signal, onExit: (answer) => (code = answer) });
  try {
    await program.parseAsync();
  } catch (error) {
    code = report(error);
  }
  process.exit(code);
}

const ENDED_BY_SIGNAL = 130;

function stopOrEnd(stopping: AbortController): void {
  if (stopping.signal.aborted) process.exit(ENDED_BY_SIGNAL);
  stopping.abort();
}

/** One sentence; the stack only for those who develop Spillway. */
function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return codeOfCommanderError(error);
  if (process.env['SPILLWAY_DEBUG']) process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  else process.stderr.write(`spillway: ${error instanceof Error ? error.message : String(error)}\n`);
  const isWrongUse = error instanceof UsageError || error instanceof ConfigurationError || error instanceof ManifestRefusedError;
  if (!isWrongUse && !process.env['SPILLWAY_DEBUG']) process.stderr.write('SPILLWAY_DEBUG=1 shows where this came from\n');
  return isWrongUse ? EXIT.wrongUse : EXIT.runFailed;
}
