import { z } from 'zod';
import type { Processor } from '../../processors/processor.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import { fieldNamingOf } from '../../shared/manifest/manifest-row.ts';
import { readManifest } from '../../shared/manifest/read-manifest.ts';
import { EXPANDED_FILE_NAME } from '../../shared/names.ts';
import type { StoredObject } from '../../shared/ports.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { planPath } from './check-plan.ts';
import type { Fingerprint } from './fingerprint.ts';
import { fingerprintOf, itemChecksum } from './fingerprint.ts';
import { LINE_IS, LineFingerprints } from './line-table.ts';
import { readFileLines } from './read-file.ts';
import { parseRow } from './rows-schema.ts';
import type { Verification } from './verification.ts';

const line = z.int().positive();
const expandedRowSchema = z.strictObject({ line, from: line, input: z.record(z.string(), z.unknown()) });

/** One line as it was given, by the uploaded manifest or by an expansion. */
interface GivenRow {
  readonly file: string;
  readonly line: number;
  /** Row of `file`, from 1. */
  readonly at: number;
  /** Undefined: no fields can be made of it. */
  readonly fields: JsonObject | undefined;
}

const IS_ITEM = LINE_IS.planned | LINE_IS.duplicate;

/** Reads the uploaded manifest again: every row of it is an item or invalid, and each item is what its row says. */
export async function checkSource(check: Verification): Promise<void> {
  const { source, processor: name } = check.manifest;
  const object = await openSource(check);
  const processor = check.input.processorOf(name);
  if (!processor) check.faults.add('manifest-malformed', 'manifest.json', `expected a known processor, got ${JSON.stringify(name)}: the rows of ${source.key} are not read again`);
  if (object && processor) await new SourceCheck(check, processor).run(object);
}

async function openSource(check: Verification): Promise<StoredObject | undefined> {
  const { source } = check.manifest;
  const object = await check.input.manifestStoreOf(source.bucket).open(source.key, source.version);
  if (!object) {
    check.faults.add('source-missing', source.key, `version ${source.version} of the uploaded manifest is not there`);
  } else if (object.bytes !== source.bytes || object.etag !== source.etag) {
    check.faults.add('source-changed', source.key, `the run read ${source.bytes} bytes with ETag ${source.etag}, there are ${object.bytes} with ETag ${object.etag}`);
  }
  return object;
}

class SourceCheck {
  readonly #check: Verification;
  readonly #processor: Processor;
  #options: JsonObject = {};
  readonly #keys = new LineFingerprints();
  readonly #ids = new LineFingerprints();
  /** Invalid only for an id that an earlier item must have. */
  readonly #suspects: { readonly line: number; readonly id: Fingerprint; readonly file: string }[] = [];
  /** Rows that asked to be expanded and are not invalid. */
  readonly #asking = new Set<number>();
  #lastLine = 0;

  constructor(check: Verification, processor: Processor) {
    this.#check = check;
    this.#processor = processor;
  }

  async run(object: StoredObject): Promise<void> {
    const { source } = this.#check.manifest;
    try {
      await this.#readSource(object);
    } catch (error) {
      return this.#check.faults.add('source-unreadable', source.key, error instanceof Error ? error.message : String(error));
    }
    await this.#readExpanded();
    for (const asking of this.#asking) {
      this.#check.faults.add('source-row-lost', source.key, `line ${asking} asks to be expanded, but gave no row`, asking);
    }
    this.#check.items.clear();
    this.#checkKnownLines();
    this.#checkDuplicates();
    this.#checkIds();
  }

  async #readSource(object: StoredObject): Promise<void> {
    const { manifest } = this.#check;
    const { common, own } = splitOptions(manifest.options);
    this.#options = this.#processor.optionsSchema.parse(own);
    const name = manifest.source.key;
    for await (const rows of readManifest({ body: object.body, name, ...fieldNamingOf(this.#processor), options: common })) {
      for (const row of rows) this.#take({ file: name, line: row.line, at: row.line, fields: row.kind === 'fields' ? row.fields : undefined });
    }
  }

  async #readExpanded(): Promise<void> {
    const path = planPath(this.#check, EXPANDED_FILE_NAME);
    const { faults, input, prefix } = this.#check;
    const reading = await readFileLines(input.results, prefix + path, (text, at) => {
      const parsed = parseRow(expandedRowSchema, text);
      if (!('row' in parsed)) return faults.add('plan-malformed', path, `expected an expanded row, but ${parsed.reason}`, at);
      const { row } = parsed;
      if (row.line !== this.#lastLine + 1) faults.add('plan-malformed', path, `expected line ${this.#lastLine + 1}, got line ${row.line}`, at);
      this.#asking.delete(row.from);
      this.#take({ file: path, line: row.line, at, fields: row.input });
    });
    if (reading.kind === 'broken') faults.add('plan-malformed', path, `it can't be read to its end: ${reading.reason}`);
  }

  #take(row: GivenRow): void {
    const { marks } = this.#check;
    this.#lastLine = row.line;
    marks.add(row.line, LINE_IS.inSource);
    const reading = row.fields && this.#processor.readRow(row.fields, this.#options);
    if (reading?.kind === 'item') this.#takeItem(row, reading);
    else if (reading?.kind === 'expand' && !marks.has(row.line, LINE_IS.invalid)) this.#asking.add(row.line);
    else if (!marks.has(row.line, LINE_IS.invalid)) this.#reportInvalid(row);
  }

  #reportInvalid({ file, line, at }: GivenRow): void {
    const isItem = this.#check.marks.has(line, IS_ITEM);
    if (isItem) this.#check.faults.add('input-wrong', file, `line ${line} is an item of the run, but its row is invalid`, at);
    else this.#check.faults.add('source-row-lost', file, `line ${line} is neither an item of the run nor among the invalid rows`, at);
  }

  #takeItem({ file, line, at, fields }: GivenRow, reading: { readonly input: JsonObject; readonly equalityKey?: string }): void {
    const { marks, items, faults } = this.#check;
    const id = readId(fields?.['id']);
    if (id === UNUSABLE) {
      if (!marks.has(line, LINE_IS.invalid)) this.#reportInvalid({ file, line, at, fields });
      return;
    }
    if (marks.has(line, LINE_IS.invalid)) {
      if (id === undefined) faults.add('invalid-wrong', file, `line ${line} is called invalid, but reads as a valid item`, at);
      else this.#suspects.push({ line, id: fingerprintOf(id), file });
      return;
    }
    if (!marks.has(line, IS_ITEM)) return faults.add('source-row-lost', file, `line ${line} is neither an item of the run nor among the invalid rows`, at);
    if (items.get(line) !== itemChecksum({ id, input: reading.input })) {
      faults.add('input-wrong', file, `the item of line ${line} has another id or input than its row`, at);
    }
    if (id !== undefined) this.#ids.set(line, fingerprintOf(id));
    if (reading.equalityKey !== undefined) this.#keys.set(line, fingerprintOf(reading.equalityKey));
  }

  #checkKnownLines(): void {
    const { marks, faults, manifest } = this.#check;
    for (const known of marks.lines()) {
      if ((known.marks & LINE_IS.inSource) !== 0) continue;
      faults.add('source-row-added', manifest.source.key, `the run has line ${known.line}, the uploaded manifest has not`, known.line);
    }
  }

  #checkDuplicates(): void {
    const { duplicateOf, marks, faults, manifest } = this.#check;
    const file = manifest.source.key;
    for (const [line, first] of duplicateOf.entries()) {
      const isRight = first < line && marks.has(first, LINE_IS.planned) && this.#keys.areEqual(line, first);
      if (!isRight) faults.add('duplicate-wrong', file, `line ${line} is called a duplicate of line ${first}, which is no earlier item that equals it`, line);
    }
    for (const { line, first } of this.#keys.repeats((candidate) => !marks.has(candidate, LINE_IS.duplicate))) {
      faults.add('duplicate-missed', file, `line ${line} equals line ${first}, but is not called a duplicate`, line);
    }
  }

  #checkIds(): void {
    const { faults, manifest } = this.#check;
    for (const { line, first } of this.#ids.repeats(() => true)) {
      faults.add('id-repeated', manifest.source.key, `line ${line} has the id of line ${first}, but is not called invalid`, line);
    }
    if (this.#suspects.length === 0) return;
    const firstLineOf = this.#ids.firstLineOf(this.#suspects.map(({ id }) => id));
    for (const { line, id, file } of this.#suspects) {
      if ((firstLineOf(id) ?? Infinity) > line) faults.add('invalid-wrong', file, `line ${line} is called invalid, but reads as a valid item with an id of its own`, line);
    }
  }
}

const UNUSABLE = Symbol('unusable id');

/** As the planner takes it: texts and numbers; nothing else is an id. */
function readId(value: unknown): string | typeof UNUSABLE | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : UNUSABLE;
}
