import type { MergeInput } from '../../processors/processor.ts';
import type { ResultRow } from '../../shared/rows.ts';
import type { WordCount } from './count-words.ts';

const LONGEST_KEPT = 10;

interface CountedRow {
  readonly line: number;
  readonly name: string;
  readonly words: number;
}

/**
 * Writes `words.csv` (a row per counted item) and `words.json` (the sums and the longest). It may run again after a crash: the same rows
 * give the same bytes. A run may have millions of rows, so nothing here grows with their number.
 */
export async function mergeCounts({ rows, output }: MergeInput<object>): Promise<void> {
  await output.writeStream('words.csv', toCsv(rows()), 'text/csv');
  const sums = { items: 0, words: 0, links: 0, readingMinutes: 0 };
  let longest: readonly CountedRow[] = [];
  for await (const row of rows()) {
    const count = countOf(row);
    if (!count) continue;
    sums.items += 1;
    sums.words += count.words;
    sums.links += count.links;
    sums.readingMinutes += count.readingMinutes;
    longest = keepLongest(longest, { line: row.line, name: nameOf(row), words: count.words });
  }
  await output.write('words.json', `${JSON.stringify({ ...sums, longest }, undefined, 2)}\n`, 'application/json');
}

/** Equally long ones stand by their line: the rows' own order may not decide. */
const keepLongest = (longest: readonly CountedRow[], row: CountedRow): readonly CountedRow[] =>
  [...longest, row].sort((one, other) => other.words - one.words || one.line - other.line).slice(0, LONGEST_KEPT);

async function* toCsv(rows: AsyncIterable<ResultRow>): AsyncGenerator<string> {
  yield 'line,name,words,links,reading_minutes\n';
  for await (const row of rows) {
    const count = countOf(row);
    if (count) yield `${row.line},${quote(nameOf(row))},${count.words},${count.links},${count.readingMinutes}\n`;
  }
}

const countOf = (row: ResultRow): WordCount | undefined => (row.verdict === 'succeeded' ? (row.output as unknown as WordCount) : undefined);

const NAME_CHARACTERS = 80;

/** The row's own id, else its address, else the beginning of its text. */
const nameOf = ({ id, input }: ResultRow): string => id ?? String(input['url'] ?? input['text']).slice(0, NAME_CHARACTERS);

/** RFC 4180. */
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`;
