import type { RunRecord } from '../shared/records.ts';
import type { RunManifest } from '../shared/rows.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { formatCount, formatDuration } from './progress.ts';
import { describeState, wasStopped } from './run-state.ts';
import type { VerifyReport } from './verify/verify-run.ts';

export interface RunSummary {
  readonly record: RunRecord;
  /** Undefined: the run has not finished well. */
  readonly manifest: RunManifest | undefined;
  readonly verification: VerifyReport | undefined;
  /** Failed items by error name. */
  readonly errors: Readonly<Record<string, number>>;
  /** Where the results lie. */
  readonly folder: string;
}

const SHOWN_ERRORS = 5;

export function exitCodeOf({ record, manifest, verification }: RunSummary): ExitCode {
  if (!manifest || !verification) return EXIT.runFailed;
  return manifest.counts.failed > 0 || wasStopped(record) || !verification.isClean ? EXIT.itemsFailed : EXIT.ok;
}

/** What a person wants to know at the end, in at most ten lines. */
export function describeSummary(summary: RunSummary): string[] {
  const { record, manifest } = summary;
  if (!manifest) return describeFailure(record);
  const { counts, totals } = manifest;
  const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.createdAt)) / 1000;
  return [
    `run       ${record.run} ${describeState(record)} ${wasStopped(record) ? 'after' : 'in'} ${formatDuration(seconds)}`,
    `items     ${formatCount(counts.total)}: ${formatCount(counts.succeeded)} succeeded, ${formatCount(counts.failed)} failed, ${formatCount(counts.skipped)} skipped`,
    ...(totals.duplicates > 0 ? [`          ${formatCount(totals.duplicates)} of those skipped are duplicates`] : []),
    ...(totals.invalid > 0 ? [`invalid   ${formatCount(totals.invalid)} of ${formatCount(totals.rows)} rows: see invalid.ndjson.gz`] : []),
    ...(counts.failed > 0 ? [`failed    ${describeErrors(summary.errors)}: see errors.ndjson.gz`] : []),
    `verify    ${describeVerification(summary.verification)}`,
    `results   ${summary.folder}`,
    ...describeOwnFiles(manifest),
    `next      ${describeNext(record, manifest)}`,
  ];
}

function describeNext(record: RunRecord, { counts }: RunManifest): string {
  if (wasStopped(record)) return `spillway redrive ${record.run} --skipped goes on with what failed and what was skipped`;
  return counts.failed > 0 ? `spillway redrive ${record.run}` : `spillway verify ${record.run}`;
}

function describeFailure({ run, state, error }: RunRecord): string[] {
  return [`run       ${run} ${state}`, `reason    ${error ?? 'not recorded'}`, 'next      correct the manifest and run it again; `spillway plan <manifest>` shows what would be planned'];
}

/** `10 HttpStatusError, 2 EmptyPageError`, most first. */
export function describeErrors(errors: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(errors).toSorted(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, SHOWN_ERRORS).map(([name, count]) => `${formatCount(count)} ${name}`);
  return [...shown, ...(sorted.length > SHOWN_ERRORS ? [`${sorted.length - SHOWN_ERRORS} other kinds`] : [])].join(', ');
}

function describeVerification(report: VerifyReport | undefined): string {
  if (!report) return 'not done';
  if (report.isClean) return 'clean: every row of the manifest is accounted for, every file is whole';
  return `FAULTS: ${Object.entries(report.faultCounts).map(([name, count]) => `${formatCount(count)} ${name}`).join(', ')}`;
}

/** The processor's own: what most people came for. */
function describeOwnFiles({ files }: RunManifest): string[] {
  const own = files.map(({ path }) => path).filter((path) => !path.startsWith('results/') && !/^(?:errors|invalid)\.ndjson\.gz$/.test(path));
  const main = own.find((path) => path.endsWith('/llms.txt')) ?? own[0];
  return main === undefined ? [] : [`files     ${main}${own.length > 1 ? ` and ${formatCount(own.length - 1)} more` : ''}`];
}
