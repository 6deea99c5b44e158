import type { Processor, RowReading } from '../../processors/processor.ts';
import { ManifestRefusedError, RecountError } from '../../shared/errors.ts';
import { textOf } from '../../shared/json-copy.ts';
import { EqualityTable } from '../../shared/manifest/equality-table.ts';
import { MAX_EXPANDING_ROWS, MAX_EXPAND_DEPTH, MAX_REASON_CHARACTERS, MAX_ROWS } from '../../shared/manifest/limits.ts';
import { cutRow } from '../../shared/manifest/manifest-row.ts';
import type { ManifestRow } from '../../shared/manifest/manifest-row.ts';
import type { DuplicateRow, InvalidRow, JsonObject, PlannedItem, Totals } from '../../shared/rows.ts';

/** Where the planned rows go. */
export interface PlanSink {
  /** @param json the item as it is stored */
  item(item: PlannedItem, json: string): void;
  duplicate(row: DuplicateRow): void;
  invalid(row: InvalidRow): void;
}

/** A row that asks for more rows. */
export interface ExpandingRow {
  readonly line: number;
  readonly text: string;
  readonly fields: JsonObject;
  /** 1 for a row of the manifest itself. */
  readonly depth: number;
}

type ItemReading = Extract<RowReading<JsonObject>, { kind: 'item' }>;

/** Decides what each row is: item, duplicate, invalid, or a row that asks for more. Synchronous and pure but for its sink. */
export class RowPlanner {
  readonly #processor: Processor;
  readonly #options: JsonObject;
  readonly #groupBy: string | undefined;
  readonly #sink: PlanSink;
  readonly #maxRows: number;
  readonly #items = new EqualityTable();
  readonly #ids = new EqualityTable();
  #firstInvalid: InvalidRow | undefined;
  #expanding: ExpandingRow[] = [];
  #counts = { rows: 0, invalid: 0, items: 0, duplicates: 0 };
  #lastLine = 0;

  /** @param settings `groupBy`: the field that names an item's group */
  constructor(settings: { processor: Processor; options: JsonObject; groupBy?: string | undefined; sink: PlanSink; maxRows?: number }) {
    this.#processor = settings.processor;
    this.#options = settings.options;
    this.#groupBy = settings.groupBy;
    this.#sink = settings.sink;
    this.#maxRows = settings.maxRows ?? MAX_ROWS;
  }

  /** The line of the last row so far. */
  get lastLine(): number {
    return this.#lastLine;
  }

  add(row: ManifestRow): void {
    this.#count(row.line);
    if (row.kind === 'fault') this.#refuse(row.line, row.text, row.fault);
    else this.#plan({ line: row.line, text: row.text, fields: row.fields, depth: 1 });
  }

  /** A row that an expansion gave. */
  addExpanded(line: number, fields: JsonObject, depth: number): void {
    this.#count(line);
    this.#plan({ line, text: JSON.stringify(fields), fields, depth });
  }

  /** The rows that asked to be expanded since the last call. */
  takeExpanding(): ExpandingRow[] {
    const expanding = this.#expanding;
    this.#expanding = [];
    return expanding;
  }

  /** How an expansion ended: its row gives way to the rows it gave, or is invalid for what it did not give. */
  endExpansion(row: ExpandingRow, failure: string | undefined): void {
    if (failure === undefined) this.#counts.rows--;
    else this.#refuse(row.line, row.text, failure);
  }

  /** @throws ManifestRefusedError if there is no item */
  totals(shards: number): Totals {
    const { rows, invalid, items, duplicates } = this.#counts;
    if (rows !== invalid + items) throw new RecountError(`expected rows = invalid + items, got ${rows} rows, ${invalid} invalid, ${items} items`);
    if (rows === 0) throw new ManifestRefusedError('expected at least one row, got none: the manifest is empty');
    if (items === 0) {
      const { line, reason } = this.#firstInvalid!;
      throw new ManifestRefusedError(`expected at least one usable row, got ${rows} that are all invalid (line ${line}: ${reason})`);
    }
    return { rows, invalid, items, duplicates, shards };
  }

  #count(line: number): void {
    this.#lastLine = line;
    if (++this.#counts.rows > this.#maxRows) {
      throw new ManifestRefusedError(`expected at most ${this.#maxRows.toLocaleString('en')} rows, got more by line ${line}: split the manifest`);
    }
  }

  #plan(row: ExpandingRow): void {
    const reading = this.#read(row.fields);
    if (reading.kind === 'item') this.#addItem(row, reading);
    else if (reading.kind === 'invalid') this.#refuse(row.line, row.text, reading.reason);
    else this.#deferExpansion(row);
  }

  /** A processor that trips over one row must not cost the others theirs. */
  #read(fields: JsonObject): RowReading<JsonObject> {
    try {
      return checkReading(this.#processor.readRow(fields, this.#options));
    } catch (error) {
      return { kind: 'invalid', reason: this.#trippedOver(error) };
    }
  }

  #deferExpansion(row: ExpandingRow): void {
    if (this.#processor.expand === undefined) return this.#refuse(row.line, row.text, `expected a row without \`expand\`: the processor \`${this.#processor.name}\` expands none`);
    if (row.depth > MAX_EXPAND_DEPTH) return this.#refuse(row.line, row.text, `expected expansions nested at most ${MAX_EXPAND_DEPTH} deep, got more`);
    if (this.#expanding.length === MAX_EXPANDING_ROWS) throw new ManifestRefusedError(`expected at most ${MAX_EXPANDING_ROWS} rows that ask to be expanded, got more by line ${row.line}`);
    this.#expanding.push(row);
  }

  #addItem({ line, text, fields }: ExpandingRow, { input, equalityKey, limitKey }: ItemReading): void {
    const id = readId(fields['id']);
    if (id !== undefined && !id.ok) return this.#refuse(line, text, id.reason);
    const sameId = id === undefined ? undefined : this.#ids.firstLineOf(id.id, line);
    if (sameId !== undefined) return this.#refuse(line, text, `expected an \`id\` that no other row has, got that of line ${sameId}`);
    const group = this.#groupBy === undefined ? undefined : readGroup(this.#groupBy, fields[this.#groupBy]);
    if (group !== undefined && !group.ok) return this.#refuse(line, text, group.reason);
    const own = id === undefined ? { line, input } : { line, id: id.id, input };
    const item: PlannedItem = { ...own, ...(limitKey !== undefined && { limitKey }), ...(group !== undefined && { group: group.group }) };
    const json = this.#write(item);
    if (!json.ok) return this.#refuse(line, text, json.reason);
    const duplicateOf = equalityKey === undefined ? undefined : this.#items.firstLineOf(equalityKey, line);
    this.#counts.items++;
    if (duplicateOf === undefined) return this.#sink.item(item, json.text);
    this.#counts.duplicates++;
    this.#sink.duplicate({ ...own, verdict: 'skipped', reason: 'duplicate', duplicateOf });
  }

  /** What a processor makes of a row need not be JSON, whatever its type says. */
  #write(item: PlannedItem): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string } {
    try {
      return { ok: true, text: JSON.stringify(item) };
    } catch (error) {
      return { ok: false, reason: this.#trippedOver(error) };
    }
  }

  #trippedOver(error: unknown): string {
    return `the processor \`${this.#processor.name}\` could not read the row: ${textOf(error)}`;
  }

  #refuse(line: number, text: string, reason: string): void {
    const row = { line, row: cutRow(text), reason: reason.slice(0, MAX_REASON_CHARACTERS) };
    this.#firstInvalid ??= row;
    this.#counts.invalid++;
    this.#sink.invalid(row);
  }
}

/** @throws TypeError if it is none, whatever its type says */
function checkReading(reading: RowReading<JsonObject>): RowReading<JsonObject> {
  const { kind } = reading;
  if (kind === 'item' && (typeof reading.input !== 'object' || (reading.input as unknown) === null)) throw new TypeError('its item has no input');
  if (kind === 'invalid' && typeof reading.reason !== 'string') throw new TypeError('it is invalid without a reason');
  if (kind !== 'item' && kind !== 'invalid' && kind !== 'expand') throw new TypeError('it is neither an item nor invalid nor to be expanded');
  return reading;
}

type IdReading = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly reason: string };

function readId(value: unknown): IdReading | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return { ok: true, id: value };
  // Beyond, two numbers that were written differently are one.
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return { ok: false, reason: `expected a number as \`id\` to be at most ${Number.MAX_SAFE_INTEGER}, got ${value}: write it as a text` };
  if (typeof value === 'number') return { ok: true, id: String(value) };
  return { ok: false, reason: `expected \`id\` to be a text or a number, got ${JSON.stringify(value).slice(0, 100)}` };
}

/** Groups stand in the dispatcher's record. */
const MAX_GROUP_CHARACTERS = 200;

type GroupReading = { readonly ok: true; readonly group: string } | { readonly ok: false; readonly reason: string };

/** A row without a value belongs to the tenant's own group. */
function readGroup(name: string, value: unknown): GroupReading | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const group = typeof value === 'number' ? String(value) : value;
  if (typeof group === 'string' && group.length <= MAX_GROUP_CHARACTERS) return { ok: true, group };
  return { ok: false, reason: `expected \`${name}\` to name the item's group in at most ${MAX_GROUP_CHARACTERS} characters, got ${JSON.stringify(value).slice(0, 100)}` };
}
