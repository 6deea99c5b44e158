import { type Command, Option } from 'commander';
import type { NewKeyOptions } from './commands/keys.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommandContext } from './settings.ts';

/** `spillway keys` and what is below it. */
export function addKeyCommands(program: Command, { context, end }: { readonly context: () => CommandContext; readonly end: (code: Promise<ExitCode>) => Promise<void> }): void {
  const load = () => import('./commands/keys.ts');
  const keys = program
    .command('keys')
    .description('lists the keys of the API that a tenant has (--tenant), without their secrets')
    .action(async () => end((await load()).keysCommand(context())));
  keys
    .command('create <name>')
    .description('makes a key of the tenant, and shows it this once')
    .addOption(new Option('--scope <scope>', 'read, submit, manage, admin or operator (limits and tenants, of all); may be given again (default: the first three)').argParser((scope: string, before: readonly string[]) => [...before, scope]).default([] as string[], 'none'))
    .option('--days <n>', 'ends it after so many days')
    .action(async (name: string, options: NewKeyOptions) => end((await load()).createKeyCommand(name, options, context())));
  keys
    .command('revoke <id>')
    .description('ends a key at once')
    .action(async (id: string) => end((await load()).revokeKeyCommand(id, context())));
}
