import type { VerifyReport } from './verify-run.ts';

/** The report for people: a line a fault, then one sentence. */
export function describeReport(report: VerifyReport): string[] {
  const lines = report.faults.map(({ name, message, file, line }) => `${name}: ${message} (${file}${line === undefined ? '' : `:${line}`})`);
  const kept = Map.groupBy(report.faults, ({ name }) => name);
  for (const [name, count] of Object.entries(report.faultCounts)) {
    const more = count - (kept.get(name as never)?.length ?? 0);
    if (more > 0) lines.push(`${name}: ${more.toLocaleString('en')} more`);
  }
  if (report.garbage.length > 0) lines.push(`note: ${report.garbage.length} files of crashed deliveries count for nothing, such as ${report.garbage[0]}`);
  return [...lines, summarise(report)];
}

function summarise({ run, isClean, recount, faultCounts }: VerifyReport): string {
  if (!isClean || !recount) {
    const total = Object.values(faultCounts).reduce((sum, count) => sum + count, 0);
    return `verify: ${total.toLocaleString('en')} ${total === 1 ? 'fault' : 'faults'} in run ${run}`;
  }
  const { planned, duplicates, invalid, parts } = recount;
  const numbers = [planned + duplicates, invalid, parts].map((count) => count.toLocaleString('en'));
  return `verify: clean. ${numbers[0]} items each have one verdict, ${numbers[1]} rows are invalid, ${numbers[2]} parts are whole`;
}
