import { fault, rowOfJson } from './manifest-row.ts';
import type { ManifestRow, RowNaming } from './manifest-row.ts';
import { splitLines } from './lines.ts';
import type { LineBlock } from './lines.ts';

type RowBlocks = AsyncGenerator<ManifestRow[]>;

/** txt: a value a line; blank lines and lines that begin with `#` are no rows. */
export async function* readTxt(body: AsyncIterable<Uint8Array>, naming: RowNaming): RowBlocks {
  for await (const block of splitLines(body)) yield rowsOf(block, (line, text) => rowOfText(line, text, naming.primaryField));
}

/** jsonl (ndjson): a JSON text or object a line; blank lines are no rows. */
export async function* readJsonl(body: AsyncIterable<Uint8Array>, naming: RowNaming): RowBlocks {
  for await (const block of splitLines(body)) yield rowsOf(block, (line, text) => rowOfJson(line, text, naming));
}

function rowOfText(line: number, text: string, primaryField: string): ManifestRow | undefined {
  return text.startsWith('#') ? undefined : { kind: 'fields', line, text, fields: { [primaryField]: text } };
}

function rowsOf(block: LineBlock, read: (line: number, text: string) => ManifestRow | undefined): ManifestRow[] {
  const rows: ManifestRow[] = [];
  for (let i = 0; i < block.lines.length; i++) {
    const line = block.firstLine + i;
    const text = block.lines[i]!.trim();
    const reason = block.faults?.get(i);
    if (reason === undefined && text === '') continue;
    const row = reason === undefined ? read(line, text) : fault(line, text, reason);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}
