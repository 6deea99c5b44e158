import { listProcessors } from '../../processors/registry.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

export function processorsCommand(terminal: Terminal): ExitCode {
  const processors = listProcessors().map(({ name, summary, primaryField, workerClass }) => ({ name, summary, primaryField, workerClass }));
  if (terminal.isJson) terminal.print(JSON.stringify(processors));
  else for (const { name, summary, primaryField } of processors) terminal.print(`${name.padEnd(12)} ${summary} (field \`${primaryField}\`)`);
  return EXIT.ok;
}
