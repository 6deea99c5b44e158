import { type Command, Option } from 'commander';
import type { CreditOptions } from './commands/tenants.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CommandContext } from './settings.ts';

/** `spillway tenants` and what is below it. */
export function addTenantCommands(program: Command, { context, end }: { readonly context: () => CommandContext; readonly end: (code: Promise<ExitCode>) => Promise<void> }): void {
  const load = () => import('./commands/tenants.ts');
  const tenants = program
    .command('tenants')
    .description('lists tenants: weight, bounds, credits, runs that wait')
    .action(async () => end((await load()).tenantsCommand(context())));
  tenants
    .command('show <tenant>')
    .description('shows all settings of a tenant, its credits, and what its waiting runs wait for')
    .action(async (tenant: string) => end((await load()).showTenantCommand(tenant, context())));
  tenants
    .command('set <tenant> [settings...]')
    .description('changes settings, such as weight=3 maxInFlight=5 onFull=refuse')
    .addOption(new Option('--unset <name>', 'back to its default; may be given again').argParser((name: string, before: readonly string[]) => [...before, name]).default([] as string[], 'none'))
    .action(async (tenant: string, settings: string[], options: { unset: string[] }) => end((await load()).setTenantCommand(tenant, settings, options, context())));
  tenants
    .command('credits <tenant>')
    .description('adds credits and lets in the runs that waited for them; without an amount: shows them')
    .option('--add <n>', 'adds so many')
    .option('--set <n>', 'takes the balance to so many')
    .option('--id <id>', 'the same addition twice, with one id, counts once')
    .action(async (tenant: string, options: CreditOptions) => end((await load()).creditsCommand(tenant, options, context())));
}
