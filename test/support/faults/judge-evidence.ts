import { createHash } from 'node:crypto';
import type { Counts } from '../../../shared/rows.ts';
import type { StoredRow } from '../target-run.ts';
import type { RunEvidence } from './observe-run.ts';

/** Every promise that the run broke, one sentence each; none: it kept all. The truth is what the page server says, never what the product says. */
export function judgeEvidence(evidence: RunEvidence): string[] {
  return [...judgeEnd(evidence), ...judgeRows(evidence), ...judgeCounts(evidence), ...judgeEffects(evidence)];
}

function judgeEnd({ record, report, isListedOpen }: RunEvidence): string[] {
  return [
    ...(record.state === 'finished' ? [] : [`expected the run to end finished, it is ${record.state}: ${record.error ?? ''}`]),
    ...(isListedOpen ? ['the run has ended and is still listed as open'] : []),
    ...report.faults.map(({ name, file, message }) => `verify: ${name}: ${file}: ${message}`),
  ];
}

function judgeRows({ rows, pages }: RunEvidence): string[] {
  const byLine = Map.groupBy(rows, ({ line }) => line);
  const judged = pages.urls.map((url, i) => {
    const line = i + 1;
    const [row, ...more] = byLine.get(line) ?? [];
    byLine.delete(line);
    if (row === undefined) return `line ${line} has no result`;
    if (more.length > 0) return `line ${line} has ${more.length + 1} results`;
    return row.input['url'] === url && isRight(row, pages.textOf(line)) ? undefined : `line ${line} has a wrong result: ${JSON.stringify(row)}`;
  });
  return [...judged.filter((complaint) => complaint !== undefined), ...[...byLine.keys()].map((line) => `there is a result for line ${line}, which the manifest has not`)];
}

function isRight({ verdict, error, output }: StoredRow, text: string | undefined): boolean {
  if (text === undefined) return verdict === 'failed' && error?.name === 'HttpStatusError' && error.message.includes('404') && !error.retryable;
  return verdict === 'succeeded' && output?.['markdown'] === text;
}

function judgeCounts({ counts, pages }: RunEvidence): string[] {
  const items = pages.urls.length;
  const ended = ({ succeeded, failed, skipped }: Counts): number => succeeded + failed + skipped;
  const complaints: string[] = [];
  counts.forEach((read, i) => {
    if (read.total !== items) complaints.push(`a read of the counts has the total ${read.total}, the manifest has ${items}`);
    if (ended(read) + read.pending !== read.total || read.pending < 0) complaints.push(`a read of the counts does not add up: ${JSON.stringify(read)}`);
    if (i > 0 && ended(read) < ended(counts[i - 1]!)) complaints.push(`the counts fell from ${JSON.stringify(counts[i - 1])} to ${JSON.stringify(read)}`);
  });
  return complaints;
}

/** Promise 2: an item's outside effect happens at most once more than its batch's workers died. */
function judgeEffects({ pages: { requests, urls }, deaths, itemsPerBatch }: RunEvidence): string[] {
  const most = Math.max(...requests.values());
  const all = [...requests.values()].reduce((sum, count) => sum + count, 0);
  const missing = urls.filter((_, i) => !requests.has(i + 1)).length;
  return [
    ...(missing > 0 ? [`${missing} pages have a result and were never asked for`] : []),
    ...(most > 1 + deaths ? [`a page was asked for ${most} times, and ${deaths} workers died`] : []),
    ...(all > urls.length + deaths * itemsPerBatch ? [`${urls.length} pages were asked for ${all} times, and ${deaths} workers died with ${itemsPerBatch} pages each`] : []),
  ];
}

/** The same for runs with the same results: line, input, verdict, error and output, without the port of the page server. */
export function fingerprintRows(rows: readonly StoredRow[]): string {
  const told = rows.map(({ line, input, verdict, reason, error, output }) => ({ line, input, verdict, reason, error, output }));
  const text = JSON.stringify(told.toSorted((a, b) => a.line - b.line)).replace(/127\.0\.0\.1:\d+/g, 'host');
  return createHash('sha256').update(text).digest('hex');
}
