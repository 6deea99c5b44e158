import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { RecountError } from '../../../shared/errors.ts';
import { MAX_SHARD_BYTES, MAX_SHARD_ITEMS } from '../../../shared/manifest/limits.ts';
import type { RedrivenRow } from './redriven-rows.ts';

/**
 * The rows as a manifest (jsonl, gzip) in which each stands at the line that it had in its run: blank lines are no rows, so that
 * an item keeps its identity from redrive to redrive, and results are joined by line. Blank lines cost nothing in gzip.
 */
export const packManifest = (rows: AsyncIterable<RedrivenRow>): AsyncIterable<Uint8Array> =>
  Readable.from(atTheirLines(sortByLine(rows)), { objectMode: false }).compose(createGzip()) as AsyncIterable<Uint8Array>;

/** Rows of at most this many lines are written at once. */
const BLANK_BLOCK = '\n'.repeat(65_536);

async function* atTheirLines(rows: AsyncIterable<RedrivenRow>): AsyncGenerator<string> {
  let next = 1;
  for await (const { line, text } of rows) {
    if (line < next) throw new RecountError(`expected rows in the order of their lines, got line ${line} after line ${next - 1}`);
    for (let gap = line - next; gap > 0; gap -= BLANK_BLOCK.length) yield BLANK_BLOCK.slice(0, gap);
    yield `${text}\n`;
    next = line + 1;
  }
}

/**
 * Sorts rows that come shard by shard, while no shard has lines before those of an earlier one. Whenever more is held than a shard can have,
 * the smallest line is of a shard that is complete: it may go.
 */
export async function* sortByLine(rows: AsyncIterable<RedrivenRow>): AsyncGenerator<RedrivenRow> {
  let held: RedrivenRow[] = [];
  let heldBytes = 0;
  for await (const row of rows) {
    held.push(row);
    heldBytes += Buffer.byteLength(row.text);
    // Twice as much before it is sorted: sorting for every row would cost more than all else.
    if (held.length < 2 * MAX_SHARD_ITEMS && heldBytes < 2 * MAX_SHARD_BYTES) continue;
    held.sort(byLine);
    let gone = 0;
    for (; held.length - gone > MAX_SHARD_ITEMS || heldBytes > MAX_SHARD_BYTES; gone++) {
      yield held[gone]!;
      heldBytes -= Buffer.byteLength(held[gone]!.text);
    }
    held = held.slice(gone);
  }
  yield* held.sort(byLine);
}

const byLine = (a: RedrivenRow, b: RedrivenRow): number => a.line - b.line;
