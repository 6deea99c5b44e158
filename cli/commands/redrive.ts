import { createChooser, type RowChoice } from '../../lambdas/serve-api/redrive/choose-rows.ts';
import { packManifest } from '../../lambdas/serve-api/redrive/pack-manifest.ts';
import { readChosenRows, type RedrivenRow } from '../../lambdas/serve-api/redrive/redriven-rows.ts';
import { processorOf } from '../../processors/registry.ts';
import { UsageError } from '../../shared/errors.ts';
import { MANIFEST_FILE_NAME, runPrefix } from '../../shared/names.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { JsonObject, RunManifest } from '../../shared/rows.ts';
import type { Backend } from '../backend.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRun } from '../find-run.ts';
import { formatCount } from '../progress.ts';
import { type ChoiceOptions, readChoice } from '../redrive-choice.ts';
import { describeState } from '../run-state.ts';
import type { CommandContext } from '../settings.ts';
import { readRunOptions } from '../settings.ts';
import { describeErrors } from '../summary.ts';
import { checkRunOptions, runManifest } from './run.ts';

export type RedriveOptions = ChoiceOptions & {
  /** `name=value`, instead of the old run's. */
  readonly option: readonly string[];
  readonly out: string;
  readonly dryRun?: true;
};

/** Does failed items of an ended run again, in a run of their own that names it. */
export async function redriveCommand(given: string | undefined, options: RedriveOptions, context: CommandContext): Promise<ExitCode> {
  const { startBackend, backendOptions, tenant, terminal, signal } = context;
  const choice = readChoice(options);
  const changes = readChanges(options.option);
  const backend = await startBackend({ ...backendOptions, ...(options.dryRun && { isReadOnly: true }) });
  try {
    const old = await findRun(backend, tenant, given);
    const rows = await openRows(old, choice, backend);
    const newOptions = { ...keepOptions(old.options), ...changes, format: 'jsonl' };
    checkRunOptions(old.processor, newOptions);
    const counts = await countRows(rows());
    if (options.dryRun || counts.rows === 0) return tellCounts(old, counts, context);
    terminal.note(`doing ${describeCounts(counts)} of run ${old.run} again`);
    const upload = { key: `${old.tenant}/${old.processor}/redrive-of-${old.run}.jsonl.gz`, body: packManifest(rows()), metadata: metadataOf(old, newOptions) };
    const code = await runManifest(upload, { from: `redrive of run ${old.run}`, out: options.out }, backend, context);
    return code === 'stopped' ? EXIT.runFailed : code;
  } finally {
    if (signal.aborted) terminal.note('letting the work in hand end (Ctrl-C again ends at once)');
    await backend.stop();
  }
}

/** They say how the old manifest is read; the new one is jsonl with the processor's own names. */
const READING_OPTIONS = ['column', 'format'];

function readChanges(pairs: readonly string[]): JsonObject {
  const changes = readRunOptions(pairs);
  const wrong = READING_OPTIONS.find((name) => Object.hasOwn(changes, name));
  if (wrong !== undefined) throw new UsageError(`expected options of the processor or of every run, got \`${wrong}\`: a redrive writes its manifest itself`);
  return changes;
}

const keepOptions = (options: JsonObject): JsonObject => Object.fromEntries(Object.entries(options).filter(([name]) => !READING_OPTIONS.includes(name)));

const metadataOf = ({ run, processor }: RunRecord, options: JsonObject) => ({
  'spillway-processor': processor,
  'spillway-options': JSON.stringify(options),
  'spillway-redrive-of': run,
});

/** Read twice, to be counted and to be uploaded: a million of them do not fit into memory. */
async function openRows(old: RunRecord, choice: RowChoice, { results }: Backend): Promise<() => AsyncIterable<RedrivenRow>> {
  if (old.state !== 'finished') throw new UsageError(describeUnfit(old));
  const manifest = JSON.parse(Buffer.from(await results.read(runPrefix(old.tenant, old.run) + MANIFEST_FILE_NAME)).toString()) as RunManifest;
  const isChosen = createChooser(choice, processorOf(old.processor), { options: old.options, stopReason: manifest.stop?.reason });
  return () => readChosenRows(results, manifest, { isChosen, withSkipped: choice.withSkipped && manifest.stop !== undefined });
}

const describeUnfit = (old: RunRecord): string =>
  old.state === 'failed'
    ? `run ${old.run} failed (${old.error ?? 'not recorded why'}) and has no failed items: upload its manifest again`
    : `run ${old.run} is ${describeState(old)}: wait for its end (spillway watch ${old.run}) or end it (spillway cancel ${old.run})`;

interface RedriveCounts {
  readonly rows: number;
  readonly skipped: number;
  readonly errors: Readonly<Record<string, number>>;
}

async function countRows(rows: AsyncIterable<RedrivenRow>): Promise<RedriveCounts> {
  const errors = new Map<string, number>();
  let skipped = 0;
  let count = 0;
  for await (const { error } of rows) {
    count++;
    if (error === undefined) skipped++;
    else errors.set(error, (errors.get(error) ?? 0) + 1);
  }
  return { rows: count, skipped, errors: Object.fromEntries(errors) };
}

function tellCounts({ run, stop }: RunRecord, counts: RedriveCounts, { terminal }: CommandContext): ExitCode {
  if (terminal.isJson) terminal.print(JSON.stringify({ redriveOf: run, items: counts.rows, errors: counts.errors, skipped: counts.skipped }));
  else if (counts.rows > 0) terminal.print(`${describeCounts(counts)} of run ${run} would be done again`);
  else terminal.print(`nothing to do again: no failed item of run ${run} matches${stop ? '; --skipped takes what its stop skipped, too' : ''}`);
  return EXIT.ok;
}

function describeCounts({ rows, skipped, errors }: RedriveCounts): string {
  const parts = [Object.keys(errors).length > 0 ? describeErrors(errors) : '', skipped > 0 ? `${formatCount(skipped)} skipped` : ''].filter((part) => part !== '');
  return `${formatCount(rows)} ${rows === 1 ? 'item' : 'items'} (${parts.join(', ')})`;
}
