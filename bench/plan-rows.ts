import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { createRandom } from './random.ts';

/** A manifest of any size whose counts are known: of every 100 rows 5 repeat an earlier URL and 1 is bad. URLs have 77 bytes. */

export type PlanFormat = 'jsonl' | 'csv' | 'json' | 'txt';

export interface PlanCounts {
  readonly rows: number;
  readonly invalid: number;
  readonly duplicates: number;
}

const HOSTS = 1000;
const ROWS_A_CHUNK = 2000;
const isBad = (row: number): boolean => row % 100 === 50;
const isRepeated = (row: number): boolean => row % 20 === 7;

export function countRows(rows: number): PlanCounts {
  const numbers = Array.from({ length: rows % 100 }, (_, row) => row);
  return {
    rows,
    invalid: Math.floor(rows / 100) + numbers.filter(isBad).length,
    duplicates: 5 * Math.floor(rows / 100) + numbers.filter(isRepeated).length,
  };
}

/** Eight hexadecimal digits that gzip can't shorten much, as in real addresses. */
const slugOf = (row: number): string => (Math.imul(row, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
const urlOf = (row: number): string =>
  `https://www.host-${String((row * 7919) % HOSTS).padStart(4, '0')}.example/articles/section-${row % 10}/${slugOf(row)}-${String(row).padStart(14, '0')}.html`;

const WRAPPERS: Readonly<Record<PlanFormat, { readonly start: string; readonly row: (url: string, n: number) => string; readonly end: string }>> = {
  txt: { start: '', row: (url) => `${url}\n`, end: '' },
  jsonl: { start: '', row: (url) => `{"url":"${url}"}\n`, end: '' },
  csv: { start: 'url,section,priority\n', row: (url, n) => `${url},section-${n % 10},0.5\n`, end: '' },
  json: { start: '[\n', row: (url, n) => `${n === 0 ? '' : ',\n'}{"url":"${url}"}`, end: '\n]\n' },
};

function* writeRows(rows: number, format: PlanFormat): Generator<string> {
  const random = createRandom(7);
  const { start, row: writeRow, end } = WRAPPERS[format];
  let chunk = start;
  for (let row = 0; row < rows; row++) {
    // A repeated row names one whose number ends on 6: neither bad nor itself a repetition.
    const named = isRepeated(row) ? row - 1 - 20 * Math.floor(random() * Math.floor(row / 20)) : row;
    chunk += writeRow(isBad(row) ? `not a url ${row}` : urlOf(named), row);
    if (row % ROWS_A_CHUNK === ROWS_A_CHUNK - 1) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk + end;
}

/** The same rows give the same file. */
export async function generateManifest(path: string, rows: number, format: PlanFormat): Promise<void> {
  await pipeline(writeRows(rows, format), createGzip({ level: 6 }), createWriteStream(path));
}
