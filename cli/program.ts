import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Backend } from './backend.ts';
import type { ResumeOptions } from './commands/control.ts';
import type { ChosenLetters } from './commands/parked.ts';
import type { PlanCommandOptions } from './commands/plan.ts';
import type { RedriveOptions } from './commands/redrive.ts';
import type { Remote } from './commands/remote-run.ts';
import type { RunCommandOptions } from './commands/run.ts';
import { UsageError } from '../shared/errors.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { SITE_EXPANSIONS } from './manifest-input.ts';
import { createTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { readBackendOptions, readTenant } from './settings.ts';
import type { CommandContext, GlobalOptions } from './settings.ts';
import { addDeploymentCommands } from './deployment-commands.ts';
import { addKeyCommands } from './key-commands.ts';
import { addRemoteCommands, profileOf } from './remote-commands.ts';
import { IS_PACKAGE } from './template-folder.ts';
import { addTenantCommands } from './tenant-commands.ts';
import { VERSION } from '../shared/version.ts';

const PROJECT_FOLDER = resolve(import.meta.dirname, '..');
const DEFAULT_DATA = '.spillway';
const DEFAULT_OUT = './spillway-results';
const DEFAULT_TENANT = 'local';
const DEFAULT_PROCESSOR = 'llms-txt';
/** The bundled example is served from this machine. */
const LOOPBACK = '127.0.0.0/8';

const EXIT_HELP = `
Exit codes:
  0  all well
  1  the run ended, but items failed or it was stopped before its end; verify found faults; or the run had ended already
  2  wrong use: a command, an option or a file
  3  the run failed or was refused, or Ctrl-C came before its end`;

const EXAMPLES = `
Examples:
  spillway run                            the bundled example site, nothing else needed
  spillway run https://example.com/       every page that the site names
  spillway run urls.txt                   one URL a line; also csv, json, jsonl, sitemap XML, each plain or .gz
  spillway run letters/ -p document       every file in a folder
  spillway plan urls.csv                  what would be done, without doing it
  spillway try llms-txt https://example.com/about
  spillway run --resume                   go on with a run that was stopped or killed
  spillway verify                         recount the latest run

Commands print results on stdout and everything on the way on stderr.`;

export interface ProgramHooks {
  /** What the command answered. */
  readonly onExit: (code: ExitCode) => void;
  readonly signal: AbortSignal;
}

/** All commands. Each is loaded when it is asked for: `--help` answers at once. */
export function createProgram(hooks: ProgramHooks): Command {
  const program = new Command('spillway')
    .version(VERSION, '-V, --version', 'prints the version')
    .description('Runs a big list of work: planned, shared fairly, held within limits, verified to the last item. On this machine nothing but Node.js is needed.')
    .option('--json', 'print one JSON document on stdout')
    .option('--data <folder>', 'where the stack on this machine keeps everything', DEFAULT_DATA)
    .option('--tenant <name>', 'whose work it is', DEFAULT_TENANT)
    .option('--workers <n>', 'workers at once (default: the number of cores)')
    .option('--allow-network <cidr>', 'let workers reach this network although it is not public, such as 127.0.0.0/8; may be given again', collect)
    .option('--host-rate <n>', 'requests a second to one host (default: 2)')
    .option('--profile <name>', 'speak to the stack of this profile over its API (`spillway login`; or SPILLWAY_PROFILE), not to this machine: submit, watch, results, cancel, pause, resume, redrive')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_HELP}`)
    .showHelpAfterError('(spillway --help shows what there is)')
    .exitOverride();
  const act = createActions(program, hooks);
  addRunCommands(program, act);
  addControlCommands(program, act);
  addLookCommands(program, act);
  addParkedCommands(program, act);
  addTenantCommands(program, act);
  addKeyCommands(program, act);
  addRemoteCommands(program, { ...act, optionOption });
  addLimitCommands(program, act);
  addAuthorCommands(program, act);
  // Whoever has the package keeps `stages.json` where the command is given.
  addDeploymentCommands(program, IS_PACKAGE ? process.cwd() : PROJECT_FOLDER, act);
  return program;
}

type Act = ReturnType<typeof createActions>;

function createActions(program: Command, { onExit, signal }: ProgramHooks) {
  const globals = () => program.opts<GlobalOptions>();
  const terminal = (): Terminal => createTerminal({ isJson: globals().json ?? false });
  const context = (): CommandContext => {
    const own = terminal();
    const startBackend: CommandContext['startBackend'] = async (options): Promise<Backend> => (await import('./embedded-backend.ts')).startBackend(options, own.note);
    return { terminal: own, tenant: readTenant(globals()), backendOptions: readBackendOptions(globals()), openClient: async () => (await remote())?.client, startBackend, signal };
  };
  /** Of the profile that was asked for; undefined: the command is for this machine. */
  const remote = async (): Promise<Remote | undefined> => {
    const profile = profileOf(globals());
    return profile === undefined ? undefined : (await import('./commands/remote-run.ts')).openRemote(profile, process.env);
  };
  const end = async (code: Promise<ExitCode> | ExitCode) => onExit(await code);
  return { globals, terminal, context, remote, end, signal };
}

const outOption = () => new Option('--out <folder>', 'folder for the results; each run gets one of its own in it').default(DEFAULT_OUT);
const processorOption = () => new Option('-p, --processor <name>', 'what is done to each item: see `spillway processors`').default(DEFAULT_PROCESSOR);
const listOption = (flags: string, description: string) => new Option(flags, description).argParser(collect).default([] as string[], 'none');
const optionOption = () => listOption('-o, --option <name=value>', 'an option of the processor; @path is what a file holds; may be given again');

function addRunCommands(program: Command, { context, remote, end }: Act): void {
  program
    .command('run [input]')
    .description('runs a manifest, a folder of manifests, a folder of documents or a site, and puts the results on disk')
    .addOption(processorOption())
    .addOption(optionOption())
    .addOption(new Option('--expand <how>', "which pages of a URL's site: those of its sitemaps, or those that the page links to").choices(SITE_EXPANSIONS).default('sitemap'))
    .addOption(outOption())
    .option('--resume [run]', 'instead of an input: goes on with a run (the latest open one) whose process was stopped or killed')
    .addHelpText('after', `
[input] is a URL (the site behind it), a manifest file, or a folder (each manifest in it is a run). Without it the bundled example site is run.
The first Ctrl-C lets the work in hand end and says how to go on, the second ends at once.
${EXIT_HELP}`)
    .action(async (input: string | undefined, options: RunCommandOptions & { readonly resume?: string | true }, command: Command) => {
      if (options.resume !== undefined) {
        checkResumeAlone(input, command);
        const { resumeRunCommand } = await import('./commands/resume-run.ts');
        return end(resumeRunCommand(options.resume === true ? undefined : options.resume, options, context()));
      }
      const { runCommand } = await import('./commands/run.ts');
      if (input !== undefined) return end(runCommand(input, options, context()));
      return end(runExample((url, example) => runCommand(url, options, example), context()));
    });
  program
    .command('up')
    .description('keeps the stack running until Ctrl-C: manifests that are uploaded to it are run')
    .action(async () => end((await import('./commands/up.ts')).upCommand(context())));
  program
    .command('watch [run]')
    .description('follows a run (the latest) to its end; goes on with it if it was stopped')
    .addOption(outOption())
    .action(async (run: string | undefined, options: { out: string }) => {
      const far = await remote();
      return end(far ? (await import('./commands/remote-run.ts')).watchRemote(run, far, context()) : (await import('./commands/watch.ts')).watchCommand(run, options, context()));
    });
}

function addControlCommands(program: Command, { context, remote, end }: Act): void {
  const load = () => import('./commands/control.ts');
  const loadRemote = () => import('./commands/remote-run.ts');
  /** Over the API of a profile, if one was asked for. */
  const control = async (verb: 'cancel' | 'pause' | 'resume', run: string | undefined, here: () => Promise<ExitCode>): Promise<void> => {
    const far = await remote();
    return end(far ? (await loadRemote()).controlRemote(verb, run, { remote: far, context: context() }) : here());
  };
  program
    .command('cancel [run]')
    .description('ends a run (the latest) now: what has no verdict yet is skipped, what is done stays')
    .action(async (run: string | undefined) => control('cancel', run, async () => (await load()).cancelCommand(run, context())));
  program
    .command('pause [run]')
    .description('lets what a run (the latest) has in work end, and nothing begin')
    .action(async (run: string | undefined) => control('pause', run, async () => (await load()).pauseCommand(run, context())));
  program
    .command('resume [run]')
    .description('lets a paused run (the latest) go on')
    .option('--restart', 'also starts a new execution of the state machine, for a run whose old one is gone')
    .action(async (run: string | undefined, options: ResumeOptions) => control('resume', run, async () => (await load()).resumeCommand(run, options, context())));
  program
    .command('redrive [run]')
    .description('does the failed items of an ended run (the latest) again, in a run that names it')
    .addOption(listOption('--error <name>', 'only items that failed with this error; may be given again'))
    .addOption(listOption('--host <host>', 'only items of this host; may be given again'))
    .option('--retryable', 'only items whose error may pass')
    .option('--before <time>', 'only items that failed in a try begun before, such as 2026-01-31T12:00Z')
    .option('--skipped', 'also what a stopped run skipped: goes on with a cancelled run')
    .addOption(listOption('-o, --option <name=value>', 'instead of the old run\'s option; may be given again'))
    .addOption(outOption())
    .option('--dry-run', 'only says how many items it would be, by error')
    .action(async (run: string | undefined, options: RedriveOptions) => {
      const far = await remote();
      return end(far ? (await loadRemote()).redriveRemote(run, options, { remote: far, context: context() }) : (await import('./commands/redrive.ts')).redriveCommand(run, options, context()));
    });
}

/** A run keeps what it was started with. @throws UsageError for an input or an option beside `--resume` that would be ignored */
function checkResumeAlone(input: string | undefined, command: Command): void {
  const ignored = ['processor', 'option', 'expand'].filter((name) => command.getOptionValueSource(name) === 'cli').map((name) => `--${name}`);
  const [first] = input === undefined ? ignored : [input];
  if (first !== undefined) throw new UsageError(`expected nothing beside --resume, got ${first}: the run goes on with the manifest and the options that it was started with`);
}

function addLookCommands(program: Command, { context, remote, terminal, end }: Act): void {
  program
    .command('plan <input>')
    .description('shows what a run would do: rows, invalid rows, duplicates, hosts; sends nothing')
    .addOption(processorOption())
    .addOption(optionOption())
    .action(async (input: string, options: PlanCommandOptions) => end((await import('./commands/plan.ts')).planCommand(input, options, terminal())));
  program
    .command('queue')
    .description('shows whose turn it is: batches in flight, and share, weight and lag of each tenant with work, and what it waits for')
    .action(async () => end((await import('./commands/queue.ts')).queueCommand(context())));
  program
    .command('results [run]')
    .description('copies the files of a finished run (the latest) to disk')
    .addOption(outOption())
    .action(async (run: string | undefined, options: { out: string }) => {
      const far = await remote();
      return end(far ? (await import('./commands/remote-run.ts')).resultsRemote(run, options, { remote: far, context: context() }) : (await import('./commands/results.ts')).resultsCommand(run, options, context()));
    });
  program
    .command('verify [run]')
    .description('recounts a run (the latest) from its stored files and the uploaded manifest, and holds the ledger against that')
    .addHelpText('after', '\nEach fault has a name, a sentence, a file and a line; docs/cli.md lists the names. Exit code 1 if there is one.')
    .action(async (run: string | undefined) => end((await import('./commands/verify.ts')).verifyCommand(run, context())));
  program
    .command('explain <item>')
    .description('says why an item (<run>.<line>) waits, or why it ended as it did')
    .action(async (item: string) => end((await import('./commands/explain.ts')).explainCommand(item, context())));
}

function addParkedCommands(program: Command, { context, end }: Act): void {
  const load = () => import('./commands/parked.ts');
  const parked = program
    .command('parked')
    .description('lists messages that nobody could handle: queue, time, reason, body, how to go on')
    .addHelpText('after', '\nNo run waits for them: what is open is in the ledger, and the sweep sends it again. An id may be cut to its first characters.')
    .action(async () => end((await load()).parkedCommand(context())));
  parked
    .command('resend [id]')
    .description('sends a message (or, with --all, every one) back to where it came from')
    .option('--all', 'every message that can be sent again')
    .action(async (id: string | undefined, options: ChosenLetters) => end((await load()).resendCommand(id, options, context())));
  parked
    .command('drop [id]')
    .description('deletes a message (or, with --all --yes, every one)')
    .option('--all', 'every message')
    .option('--yes', 'do not ask: with --all')
    .action(async (id: string | undefined, options: ChosenLetters) => end((await load()).dropCommand(id, options, context())));
}

function addLimitCommands(program: Command, { context, end }: Act): void {
  const load = () => import('./commands/limits.ts');
  const limits = program
    .command('limits')
    .description('lists limits: rate, burst, what was used of them in the last minute, what holds them')
    .addHelpText('after', '\nKeys: host:example.com, host:*, domain:example.com, tenant:acme, api:openai:gpt-4o, and products such as tenant:acme*host:example.com. docs/limits.md has the rules.')
    .action(async () => end((await load()).limitsCommand(context())));
  limits
    .command('set <key> <limit>')
    .description('sets a limit, at once for keys in use: "2 requests per second", "450 requests and 450,000 tokens per minute", "10 requests per second, burst 5"')
    .action(async (key: string, limit: string) => end((await load()).setLimitCommand(key, limit, context())));
  limits
    .command('unset <key>')
    .description('takes a setting away: the default holds again')
    .action(async (key: string) => end((await load()).unsetLimitCommand(key, context())));
}

function addAuthorCommands(program: Command, { terminal, globals, end, signal }: Act): void {
  program
    .command('processors')
    .description('lists what can be done to an item')
    .action(async () => end((await import('./commands/processors.ts')).processorsCommand(terminal())));
  program
    .command('try <processor> <item>')
    .description("runs one item without a stack; <processor> is a name or a processor's file, <item> a value or a JSON object")
    .addOption(optionOption())
    .action(async (name: string, item: string, { option }: { option: string[] }) => {
      const { allowedNetworks } = readBackendOptions(globals());
      return end((await import('./commands/try.ts')).tryCommand(name, item, { option, allowedNetworks }, { terminal: terminal(), signal }));
    });
  const init = program.command('init').description('writes a new processor');
  init
    .command('processor <name>')
    .description('writes processors/<name>/processor.ts, its test and its line in the registry')
    .action(async (name: string) => {
      if (IS_PACKAGE) throw new UsageError('expected a checkout of Spillway: processors are part of what is deployed, and the package has that ready-made');
      return end((await import('./commands/init-processor.ts')).initProcessorCommand(name, PROJECT_FOLDER, terminal()));
    });
}

/** Serves the bundled site while it is run: `npm start` needs no internet. */
async function runExample(run: (url: string, context: CommandContext) => Promise<ExitCode>, context: CommandContext): Promise<ExitCode> {
  const { startExampleSite } = await import('../examples/site/serve-site.ts');
  const site = await startExampleSite({ withFaults: false });
  context.terminal.note(`the example site of ${site.pages} pages is at ${site.url}`);
  const { backendOptions } = context;
  try {
    return await run(site.url, { ...context, backendOptions: { ...backendOptions, allowedNetworks: [...backendOptions.allowedNetworks, LOOPBACK] } });
  } finally {
    await site.stop();
  }
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** @returns undefined for an error that commander has not told already */
export function codeOfCommanderError(error: { readonly code: string }): ExitCode {
  return ['commander.helpDisplayed', 'commander.help', 'commander.version'].includes(error.code) ? EXIT.ok : EXIT.wrongUse;
}
