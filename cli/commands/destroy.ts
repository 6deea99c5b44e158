import type { DeployedStack, KeptResource, StackRemoval } from '../../shared/deployment.ts';
import { UsageError } from '../../shared/errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

export interface DestroyOptions {
  readonly stack: string;
  /** Also what the stack keeps: buckets and tables. */
  readonly withData?: boolean;
  /** Does not ask. */
  readonly yes?: boolean;
}

export interface DestroyPorts {
  readonly removal: StackRemoval;
  /** @returns what the person typed; undefined: nobody is there */
  readonly ask: (question: string) => Promise<string | undefined>;
  readonly terminal: Terminal;
}

const BUCKET = 'AWS::S3::Bucket';
const TABLE = 'AWS::DynamoDB::Table';
const NAMED_RUNS = 5;

/** Deletes a deployed stack, and with `withData` what it would leave behind. Stopped anywhere, the same command goes on. */
export async function destroyCommand(options: DestroyOptions, { removal, ask, terminal }: DestroyPorts): Promise<ExitCode> {
  const stack = await removal.find(options.stack);
  if (!stack || (stack.isDeleted && !options.withData)) throw new UsageError(`expected --stack to be a deployed stack, got ${options.stack}${stack ? ': it was deleted before, and --with-data deletes what it kept' : ''}`);
  for (const line of await foretell(stack, options, removal)) terminal.note(line);
  if (!options.yes) await beSure(options.stack, ask);
  // The stack goes first: what nobody writes to any more stays empty.
  if (!stack.isDeleted) await deleteStack(stack, options.stack, { removal, terminal });
  const [data, rest] = [stack.kept.filter(isData), stack.kept.filter((kept) => !isData(kept))];
  if (options.withData) for (const kept of data) await deleteData(kept, { removal, terminal });
  report({ stack: options.stack, deleted: options.withData ? data : [], kept: options.withData ? rest : [...data, ...rest] }, options, terminal);
  return EXIT.ok;
}

const isData = ({ type }: KeptResource): boolean => type === BUCKET || type === TABLE;

async function foretell(stack: DeployedStack, { stack: name, withData }: DestroyOptions, removal: StackRemoval): Promise<string[]> {
  const open = stack.isDeleted ? [] : await removal.openRuns(stack);
  const more = open.length > NAMED_RUNS ? ` and ${open.length - NAMED_RUNS} more` : '';
  return [
    ...(open.length > 0 ? [`${open.length} ${open.length === 1 ? 'run has' : 'runs have'} not ended and will not: ${open.slice(0, NAMED_RUNS).join(', ')}${more}. \`spillway cancel <run> --profile <name>\` ends one with its results`] : []),
    stack.isDeleted ? `the stack ${name} is gone already` : `the stack ${name} goes: ${stack.id}`,
    ...stack.kept.map((kept) => `${withData && isData(kept) ? 'goes, with all that is in it' : 'stays'}: ${describe(kept)}`),
  ];
}

const describe = ({ logicalId, name }: KeptResource): string => `${logicalId} ${name}`;

async function beSure(name: string, ask: DestroyPorts['ask']): Promise<void> {
  const typed = await ask(`Type ${name} to go on: `);
  if (typed === undefined) throw new UsageError('expected --yes where nobody can be asked');
  if (typed.trim() !== name) throw new UsageError(`expected ${name}, got ${typed.trim() || 'nothing'}: nothing was deleted`);
}

type Act = Pick<DestroyPorts, 'removal' | 'terminal'>;

async function deleteStack(stack: DeployedStack, name: string, { removal, terminal }: Act): Promise<void> {
  terminal.note(`deleting the stack ${name}: it takes some minutes`);
  await removal.deleteStack(stack);
}

async function deleteData(kept: KeptResource, { removal, terminal }: Act): Promise<void> {
  terminal.note(`deleting ${describe(kept)}`);
  if (kept.type === TABLE) return removal.deleteTable(kept.name);
  await removal.deleteBucket(kept.name, (deleted) => (terminal.isLive ? terminal.live : terminal.note)(`  ${deleted.toLocaleString('en-US')} versions of ${kept.name} are gone`));
}

interface Outcome {
  readonly stack: string;
  readonly deleted: readonly KeptResource[];
  readonly kept: readonly KeptResource[];
}

function report(outcome: Outcome, { withData }: DestroyOptions, terminal: Terminal): void {
  const { stack, kept } = outcome;
  if (terminal.isJson) return terminal.print(JSON.stringify(outcome));
  terminal.print(`the stack ${stack} is gone${withData ? ', and its data' : ''}`);
  for (const resource of kept) terminal.print(`still there: ${describe(resource)} (${resource.type})`);
  if (!withData && kept.some(isData)) terminal.print(`spillway destroy --stack ${stack} --with-data deletes what it kept`);
  terminal.print(`keys of APIs below /${stack}/apis/ in the Parameter Store were yours, and still are`);
}
