import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { OperatorAccess } from '../shared/aws/account.ts';
import { UsageError } from '../shared/errors.ts';
import { findStage, stackNameOf, type Stage, STAGES_FILE } from '../shared/stages.ts';
import type { DestroyOptions } from './commands/destroy.ts';
import type { ExitCode } from './exit-codes.ts';
import type { GlobalOptions } from './settings.ts';
import type { Terminal } from './terminal.ts';

interface DeploymentAct {
  readonly terminal: () => Terminal;
  readonly globals: () => GlobalOptions;
  readonly end: (code: Promise<ExitCode>) => Promise<void>;
  readonly signal: AbortSignal;
}

interface PlaceOptions {
  readonly stage?: string;
  readonly region?: string;
  readonly awsProfile?: string;
}

type DoctorOptions = PlaceOptions & { readonly aws?: true };
type DestroyWords = PlaceOptions & Omit<DestroyOptions, 'stack'> & { readonly stack?: string };

/** Commands around a deployment. @param projectFolder holds `stages.json` */
export function addDeploymentCommands(program: Command, projectFolder: string, { terminal, globals, end, signal }: DeploymentAct): void {
  const placed = (command: Command) =>
    command
      .option('--stage <stage>', `of ${STAGES_FILE}: its stack, account and Region`)
      .option('--region <region>', "instead of the stage's, or of what the AWS SDK finds")
      .option('--aws-profile <name>', 'of the AWS configuration files');
  placed(program.command('doctor').description('looks at Node.js, npm, disk, memory and the loopback, and says what to do; with --aws at an account instead').option('--aws', 'looks at what a deployment needs: Region, identity, bootstrap, concurrency, the stack')).action(async (options: DoctorOptions) => {
    if (!options.aws) return end(checkThisMachine(options, globals().data, terminal()));
    const target = { stack: stackNameOf(options.stage), stage: stageOf(projectFolder, options) };
    const [{ doctorAwsCommand }, { createAwsAccount }] = await Promise.all([import('./commands/doctor-aws.ts'), import('../shared/aws/account.ts')]);
    return end(doctorAwsCommand(target, createAwsAccount(accessOf(target.stage, options)), terminal()));
  });
  placed(program.command('destroy').description('deletes a deployed stack and keeps its data, or with --with-data deletes that, too; asks first').option('--stack <name>', 'instead of the one of the stage').option('--with-data', 'also empties and deletes buckets and tables').option('--yes', 'does not ask')).action(async (options: DestroyWords) => {
    const [{ destroyCommand }, { createStackRemoval }, { askPerson }] = await Promise.all([import('./commands/destroy.ts'), import('../shared/aws/stack-removal.ts'), import('./ask-person.ts')]);
    const own = terminal();
    const removal = createStackRemoval(accessOf(stageOf(projectFolder, options), options), async (ms) => {
      await own.sleep(ms, signal);
      if (signal.aborted) throw new Error('stopped on the way: CloudFormation goes on with what it began, and the same command with the rest');
    });
    return end(destroyCommand({ ...options, stack: options.stack ?? stackNameOf(options.stage) }, { removal, ask: askPerson, terminal: own }));
  });
}

async function checkThisMachine(options: DoctorOptions, dataFolder: string, terminal: Terminal): Promise<ExitCode> {
  if (Object.keys(options).length > 0) throw new UsageError('expected --aws beside --stage, --region and --aws-profile');
  return (await import('./commands/doctor.ts')).doctorCommand(dataFolder, terminal);
}

function stageOf(projectFolder: string, { stage }: PlaceOptions): Stage {
  if (stage === undefined) return {};
  const file = join(projectFolder, STAGES_FILE);
  return findStage(existsSync(file) ? readFileSync(file, 'utf8') : undefined, stage);
}

function accessOf(stage: Stage, { region = stage.region, awsProfile }: PlaceOptions): OperatorAccess {
  return { ...(region !== undefined && { region }), ...(awsProfile !== undefined && { profile: awsProfile }) };
}
