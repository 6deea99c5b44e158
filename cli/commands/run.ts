import { join } from 'node:path';
import { processorOf } from '../../processors/registry.ts';
import type { ManifestUpload } from '../../shared/aws/upload-manifest.ts';
import { UsageError } from '../../shared/errors.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import { runIdOf } from '../../shared/names.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { JsonObject } from '../../shared/rows.ts';
import type { Backend } from '../backend.ts';
import { copyResults } from '../copy-results.ts';
import { countErrors } from '../count-errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { followRun } from '../follow-run.ts';
import { findDocuments, uploadDocuments } from '../document-input.ts';
import type { ManifestInput, SiteExpansion } from '../manifest-input.ts';
import { resolveInputs } from '../manifest-input.ts';
import type { CommandContext } from '../settings.ts';
import { readRunOptions } from '../settings.ts';
import type { RunSummary } from '../summary.ts';
import { describeSummary, exitCodeOf } from '../summary.ts';
import { verifyStoredRun } from '../verify-stored-run.ts';

export interface RunCommandOptions {
  readonly processor: string;
  readonly option: readonly string[];
  /** For a URL. @default 'sitemap' */
  readonly expand?: SiteExpansion;
  /** Folder that gets `<run>/`. */
  readonly out: string;
}

/** All in one: stack, upload, progress, results on disk, verify, summary. */
export async function runCommand(given: string, options: RunCommandOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, backendOptions, startBackend } = context;
  checkRunOptions(options.processor, readRunOptions(options.option));
  const documents = processorOf(options.processor).takesFiles ? await findDocuments(given) : undefined;
  const manifests = documents ? [] : await resolveInputs(given, options.expand);
  terminal.note(`starting the stack in ${backendOptions.dataFolder}`);
  const backend = await startBackend(backendOptions);
  try {
    let worst: ExitCode = EXIT.ok;
    const inputs = documents ? [await uploadDocuments(documents, backend.uploads, context)] : manifests;
    for (const input of inputs) {
      if (!input) break;
      const code = await runOne(input, options, backend, context);
      if (code === 'stopped') break;
      worst = code > worst ? code : worst;
    }
    return context.signal.aborted ? EXIT.runFailed : worst;
  } finally {
    if (context.signal.aborted) terminal.note('letting the work in hand end (Ctrl-C again ends at once)');
    await backend.stop();
  }
}

/** Before anything is started: a typing error costs no time. @throws UsageError */
export function checkRunOptions(processor: string, options: JsonObject): void {
  const known = processorOf(processor);
  const { own } = splitOptions(options);
  const parsed = known.optionsSchema.safeParse(own);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  throw new UsageError(`the options of ${processor} are wrong: ${issue?.path.join('.') || 'options'}: ${issue?.message}`);
}

async function runOne(input: ManifestInput, options: RunCommandOptions, backend: Backend, context: CommandContext): Promise<ExitCode | 'stopped'> {
  const metadata = { 'spillway-processor': options.processor, 'spillway-options': JSON.stringify(readRunOptions(options.option)) };
  const upload = { key: `${context.tenant}/${options.processor}/${input.name}`, body: input.open(), metadata };
  return runManifest(upload, { from: input.from, out: options.out }, backend, context);
}

/** Uploads a manifest, follows its run and brings home what came out. @returns `stopped` after Ctrl-C */
export async function runManifest(upload: ManifestUpload, { from, out }: { from: string; out: string }, backend: Backend, context: CommandContext): Promise<ExitCode | 'stopped'> {
  const { terminal, signal } = context;
  const run = runIdOf(await backend.upload(upload));
  terminal.note(`run ${run}: ${from}`);
  const end = await followRun(backend, run, terminal, signal);
  if (end.kind === 'stopped') {
    terminal.note(`stopped run ${run}; go on with: spillway run --resume ${run}`);
    return 'stopped';
  }
  return finishRun(end.record, join(out, run), backend, context);
}

/** Results on disk, recount, summary. @returns the exit code of the run */
export async function finishRun(record: RunRecord, folder: string, backend: Backend, { terminal }: CommandContext): Promise<ExitCode> {
  const manifest = record.state === 'finished' ? await copyResults(backend.results, record, folder) : undefined;
  const verification = manifest && (await verifyStoredRun(backend, record));
  const errors = manifest ? await countErrors(backend.results, record) : {};
  const summary: RunSummary = { record, manifest, verification, errors, folder };
  if (terminal.isJson) terminal.print(JSON.stringify(summaryDocument(summary)));
  else for (const line of describeSummary(summary)) terminal.print(line);
  return exitCodeOf(summary);
}

const summaryDocument = ({ record, manifest, verification, errors, folder }: RunSummary) => ({
  run: record.run,
  state: record.state,
  ...(record.stop && { stop: record.stop }),
  ...(record.redriveOf !== undefined && { redriveOf: record.redriveOf }),
  ...(record.error !== undefined && { error: record.error }),
  ...(manifest && { counts: manifest.counts, totals: manifest.totals, errors, folder }),
  ...(verification && { isClean: verification.isClean, faults: verification.faults }),
});
