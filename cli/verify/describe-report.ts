import type { VerifyReport } from './verify-run.ts';

/** The report for people: a line a fault, then one sentence. */
export function describeReport(report: VerifyReport): string[] {
  const lines = report.faults.map(({ name, message, file, line }) => `${name}: ${message} (${file}${line === undefined ? '' : `:${line}`})`);
  const kept = Map.groupBy(report.faults, ({ name }) => name);
  for (const [name, count] of Object.entries(report.faultCounts)) {
    const more = count - (kept.get(name as never)?.length ?? 0);
    if (more > 0) lines.push(`${name}: ${more.toLocaleString('en')} more`);
  }
  return [...lines, ...describeGarbage(report.garbage), ...describeStop(report), summarise(report)];
}

const SHOWN_GARBAGE = 5;

function describeGarbage(garbage: readonly string[]): string[] {
  if (garbage.length === 0) return [];
  const more = garbage.length - SHOWN_GARBAGE;
  return [
    `note: ${garbage.length.toLocaleString('en')} ${garbage.length === 1 ? 'file' : 'files'} of crashed deliveries or plans ${garbage.length === 1 ? 'counts' : 'count'} for nothing:`,
    ...garbage.slice(0, SHOWN_GARBAGE).map((path) => `  ${path}`),
    ...(more > 0 ? [`  and ${more.toLocaleString('en')} more: --json lists all`] : []),
  ];
}

const describeStop = ({ stop, recount }: VerifyReport): string[] =>
  stop && recount ? [`note: the run was stopped at ${stop.at} (${stop.reason}); ${recount.skipped.toLocaleString('en')} items were skipped`] : [];

function summarise({ run, isClean, recount, faultCounts }: VerifyReport): string {
  if (!isClean || !recount) {
    const total = Object.values(faultCounts).reduce((sum, count) => sum + count, 0);
    return `verify: ${total.toLocaleString('en')} ${total === 1 ? 'fault' : 'faults'} in run ${run}`;
  }
  const { planned, duplicates, invalid, parts } = recount;
  const numbers = [planned + duplicates, invalid, parts].map((count) => count.toLocaleString('en'));
  return `verify: clean. ${numbers[0]} items each have one verdict, ${numbers[1]} rows are invalid, ${numbers[2]} parts are whole`;
}
