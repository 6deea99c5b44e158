import { type Command, Option } from 'commander';
import type { LoginOptions } from './commands/login.ts';
import type { SubmitOptions } from './commands/submit.ts';
import type { ExitCode } from './exit-codes.ts';
import { DEFAULT_PROFILE } from './remote/profile.ts';
import type { CommandContext, GlobalOptions } from './settings.ts';

interface RemoteAct {
  readonly context: () => CommandContext;
  readonly globals: () => GlobalOptions;
  readonly end: (code: Promise<ExitCode>) => Promise<void>;
  readonly optionOption: () => Option;
}

/** The profile that a command was asked to use. */
export const profileOf = ({ profile }: GlobalOptions): string | undefined => profile ?? (process.env['SPILLWAY_PROFILE'] || undefined);

/** Commands that speak to a stack over its API only. */
export function addRemoteCommands(program: Command, { context, globals, end, optionOption }: RemoteAct): void {
  const profile = () => profileOf(globals()) ?? DEFAULT_PROFILE;
  program
    .command('login')
    .description('writes a profile: how a stack is reached over its API, and with which key')
    .option('--stack <name>', 'makes a key in this deployed stack, for --tenant; credentials and Region as the AWS SDK finds them')
    .option('--region <region>', 'of the stack')
    .option('--operator', 'the new key also has the scope operator: limits and tenants, of all')
    .option('--url <url>', 'of the API, with its key in the environment variable SPILLWAY_KEY; beside --stack: instead of its output ApiUrl')
    .addHelpText('after', '\nWithout --stack and --url it makes a key in the stack that runs on this machine (`spillway up`).')
    .action(async (options: Omit<LoginOptions, 'profile'>) => end((await import('./commands/login.ts')).loginCommand({ ...options, profile: profile() }, process.env, context())));
  program
    .command('submit <input>')
    .description('uploads a folder of files, or a manifest, to a stack and starts its run; the same command again goes on after any interruption')
    .addOption(new Option('-p, --processor <name>', 'what is done to each item: see `spillway processors`').default('document'))
    .addOption(optionOption())
    .option('--files-at-once <n>', 'uploads in flight', '16')
    .option('--wait', 'follows the run to its end')
    .action(async (input: string, options: Omit<SubmitOptions, 'profile'>) => end((await import('./commands/submit.ts')).submitCommand(input, { ...options, profile: profile() }, process.env, context())));
}
