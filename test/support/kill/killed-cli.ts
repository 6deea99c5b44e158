import { parseArgs } from 'node:util';
import { resumeRunCommand } from '../../../cli/commands/resume-run.ts';
import { runCommand } from '../../../cli/commands/run.ts';
import { startBackend } from '../../../cli/embedded-backend.ts';
import type { CommandContext } from '../../../cli/settings.ts';
import { readBackendOptions } from '../../../cli/settings.ts';
import { createTerminal } from '../../../cli/terminal.ts';
import { KILLED_RUN, MOMENTS, watchFor } from './moments.ts';

/**
 * `spillway run <manifest> -p noop`, or `spillway run --resume` without a manifest, in a process that ends itself with SIGKILL at a moment of `MOMENTS`:
 * the CLI's own modules, and one listener more.
 */

const text = { type: 'string', default: '' } as const;
const { values } = parseArgs({ options: { data: text, manifest: text, out: text, moment: text } });
const moment = MOMENTS.find(({ name }) => name === values.moment)!;
const terminal = createTerminal({ isJson: true });
const kill = () => process.kill(process.pid, 'SIGKILL');
const context: CommandContext = {
  terminal,
  tenant: 'local',
  backendOptions: readBackendOptions({ data: values.data, tenant: 'local', workers: '2' }),
  startBackend: (options) => startBackend(options, terminal.note, (stack) => stack.onCall(watchFor(moment, kill))),
  signal: new AbortController().signal,
};
const run = { processor: 'noop', option: [`itemsPerBatch=${KILLED_RUN.itemsPerBatch}`], out: values.out };
process.exit(await (values.manifest === '' ? resumeRunCommand(undefined, run, context) : runCommand(values.manifest, run, context)));
