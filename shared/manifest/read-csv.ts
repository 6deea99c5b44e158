import { ManifestRefusedError } from '../errors.ts';
import type { JsonObject } from '../rows.ts';
import { CsvRecord } from './csv-record.ts';
import { splitLines } from './lines.ts';
import type { LineBlock } from './lines.ts';
import { MAX_ROW_BYTES } from './limits.ts';
import { fault } from './manifest-row.ts';
import type { ManifestRow, RowNaming } from './manifest-row.ts';

/**
 * csv (RFC 4180): a header, then records; `,`, `;` or tab, whichever the header has most of. Numbers count records, blank ones too.
 * A quoted cell may hold line ends. Empty cells are left out of the fields. @throws ManifestRefusedError without the needed column
 */
export async function* readCsv(body: AsyncIterable<Uint8Array>, naming: RowNaming): AsyncGenerator<ManifestRow[]> {
  const reader = new CsvReader(naming);
  for await (const block of splitLines(body)) yield reader.push(block);
  yield reader.end();
}

class CsvReader {
  readonly #naming: RowNaming;
  #header: CsvHeader | undefined;
  #delimiter = ',';
  /** The record whose quoted cell is still open. */
  #open: CsvRecord | undefined;
  #line = 0;

  constructor(naming: RowNaming) {
    this.#naming = naming;
  }

  push(block: LineBlock): ManifestRow[] {
    const rows: ManifestRow[] = [];
    for (let i = 0; i < block.lines.length; i++) {
      const row = this.#pushLine(block.lines[i]!, block.ends === undefined ? '\n' : block.ends[i]!, block.faults?.get(i));
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  end(): ManifestRow[] {
    const open = this.#open;
    return open === undefined ? [] : [this.#unusable(open.text, 'expected a closing quote, got the end of the file')];
  }

  #pushLine(text: string, end: string, reason: string | undefined): ManifestRow | undefined {
    if (this.#open === undefined) this.#line++;
    if (reason !== undefined) return this.#unusable((this.#open?.text ?? '') + text, reason);
    if (this.#open !== undefined) return this.#continue(this.#open, text, end);
    if (text.includes('"')) return this.#continue(new CsvRecord(this.#header === undefined ? this.#chooseDelimiter(text) : this.#delimiter), text, end);
    if (text.trim() === '') return undefined;
    if (this.#header === undefined) this.#chooseDelimiter(text);
    return this.#record(text.split(this.#delimiter), text);
  }

  #continue(record: CsvRecord, text: string, end: string): ManifestRow | undefined {
    const state = record.push(text, end);
    this.#open = state === 'open' ? record : undefined;
    if (state === 'done') return this.#record(record.cells, record.text);
    if (state === 'broken') return this.#unusable(record.text, 'expected a delimiter after the closing quote, got more text');
    return record.bytes > MAX_ROW_BYTES
      ? this.#unusable(record.text, `expected a closing quote within ${MAX_ROW_BYTES / 1024} KiB, got none`)
      : undefined;
  }

  #unusable(text: string, reason: string): ManifestRow {
    this.#open = undefined;
    if (this.#header === undefined) throw new ManifestRefusedError(`expected a csv header in the first line: ${reason}`);
    return fault(this.#line, text, reason);
  }

  #record(cells: readonly string[], text: string): ManifestRow | undefined {
    if (this.#header === undefined) {
      this.#header = headerOf(cells, this.#naming);
      return undefined;
    }
    const { names, primary } = this.#header;
    if (cells.length > names.length) return fault(this.#line, text, `expected ${names.length} columns as in the header, got ${cells.length}: put a cell that holds the delimiter in quotes`);
    return { kind: 'fields', line: this.#line, text, fields: fieldsOf(names, cells, this.#naming.primaryField, primary) };
  }

  #chooseDelimiter(header: string): string {
    const plain = header.replaceAll(/"[^"]*"/g, '');
    const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: plain.split(delimiter).length }));
    this.#delimiter = counted.reduce((most, next) => (next.count > most.count ? next : most)).delimiter;
    return this.#delimiter;
  }
}

interface CsvHeader {
  readonly names: readonly string[];
  /** Index of the column that fills the primary field, -1 if none does. */
  readonly primary: number;
}

/** Names that the planner itself looks at: found in any case, as spreadsheets capitalise them. */
const PLANNER_FIELDS = new Set(['id', 'expand']);

function headerOf(cells: readonly string[], { primaryField, aliases, column, isPrimaryOptional = false }: RowNaming): CsvHeader {
  const names = cells.map((cell) => cell.trim());
  const lower = names.map((name) => name.toLowerCase());
  const wanted = column === undefined ? [primaryField, ...aliases] : [column];
  const found = wanted.map((name) => Math.max(names.indexOf(name), lower.indexOf(name.toLowerCase()))).find((index) => index !== -1);
  const primary = found ?? (isPrimaryOptional && column === undefined ? -1 : undefined);
  if (primary !== undefined) return { names: names.map((name, i) => (PLANNER_FIELDS.has(lower[i]!) ? lower[i]! : name)), primary };
  const got = JSON.stringify(names).slice(1, -1);
  const remedy = column === undefined ? 'name the column with the option `column`' : 'correct the option `column`';
  throw new ManifestRefusedError(`expected a csv header with a column ${wanted.map((name) => `\`${name}\``).join(' or ')}, got ${got.slice(0, 300)}: ${remedy}`);
}

function fieldsOf(names: readonly string[], cells: readonly string[], primaryField: string, primary: number): JsonObject {
  const fields: Record<string, unknown> = {};
  for (let i = 0; i < cells.length; i++) {
    const name = names[i]!;
    if (cells[i] !== '' && name !== '' && name !== '__proto__') fields[name] = cells[i];
  }
  if (primary !== -1 && names[primary] !== primaryField) fields[primaryField] = cells[primary] === '' ? undefined : cells[primary];
  return fields;
}
