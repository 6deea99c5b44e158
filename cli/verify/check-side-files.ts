import type { z } from 'zod';
import { DUPLICATES_FILE_NAME, ERRORS_FILE_NAME, INVALID_FILE_NAME } from '../../shared/names.ts';
import { canonicalJson, checksumOf, itemChecksum } from './fingerprint.ts';
import { LINE_IS } from './line-table.ts';
import { duplicateRowSchema, errorRowSchema, invalidRowSchema, parseRow } from './rows-schema.ts';
import type { Verification } from './verification.ts';

const DUPLICATES_PATH = `results/${DUPLICATES_FILE_NAME}`;

/** The three files beside the parts. Each is there only if it has a row. */
export async function checkSideFiles(check: Verification): Promise<void> {
  await readRows(check, DUPLICATES_PATH, duplicateRowSchema, (row, at) => {
    noteItemLine(check, DUPLICATES_PATH, row.line, at);
    check.marks.add(row.line, LINE_IS.duplicate);
    check.items.set(row.line, itemChecksum(row));
    check.duplicateOf.set(row.line, row.duplicateOf);
    check.recount.duplicates++;
  });
  await readRows(check, INVALID_FILE_NAME, invalidRowSchema, (row, at) => {
    noteItemLine(check, INVALID_FILE_NAME, row.line, at);
    check.marks.add(row.line, LINE_IS.invalid);
    check.recount.invalid++;
  });
  await checkErrors(check);
}

async function readRows<T>(check: Verification, path: string, schema: z.ZodType<T>, onRow: (row: T, at: number) => void): Promise<void> {
  if (!check.isListed(path)) return;
  const reading = await check.readListed(path, (text, at) => {
    const parsed = parseRow(schema, text);
    if ('row' in parsed) onRow(parsed.row, at);
    else check.faults.add('row-malformed', path, `expected a row of this file, but ${parsed.reason}`, at);
  });
  if (reading.kind === 'broken') check.faults.add('row-malformed', path, `it can't be read to its end: ${reading.reason}`);
}

/** A line is an item, a duplicate or invalid: one of them, once. */
function noteItemLine(check: Verification, path: string, line: number, at: number): void {
  if (check.marks.has(line, LINE_IS.planned | LINE_IS.settled | LINE_IS.duplicate | LINE_IS.invalid)) {
    check.faults.add('row-doubled', path, `line ${line} stands in another place of the run already`, at);
  }
}

async function checkErrors(check: Verification): Promise<void> {
  await readRows(check, ERRORS_FILE_NAME, errorRowSchema, (row, at) => {
    const { line, error } = row;
    if (!check.marks.has(line, LINE_IS.failed)) {
      check.faults.add('errors-wrong', ERRORS_FILE_NAME, `line ${line} did not fail`, at);
    } else if (!check.marks.add(line, LINE_IS.inErrors)) {
      check.faults.add('errors-wrong', ERRORS_FILE_NAME, `line ${line} stands here twice`, at);
    } else if (check.errors.get(line) !== checksumOf(canonicalJson(error))) {
      check.faults.add('errors-wrong', ERRORS_FILE_NAME, `line ${line} has another error in its result`, at);
    }
  });
  check.errors.clear();
  if (check.recount.failed === 0) return;
  for (const { line, marks } of check.marks.lines()) {
    if ((marks & LINE_IS.failed) === 0 || (marks & LINE_IS.inErrors) !== 0) continue;
    check.faults.add('errors-wrong', ERRORS_FILE_NAME, `line ${line} failed, but is missing here`);
  }
}
