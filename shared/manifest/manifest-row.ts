import type { JsonObject } from '../rows.ts';
import { MAX_KEPT_ROW_BYTES, MAX_ROW_BYTES, MAX_ROW_DEPTH } from './limits.ts';

/** One row as a format reader hands it on. `text` is the raw row: whole for a readable row, perhaps cut for a faulty one. */
export type ManifestRow =
  | { readonly kind: 'fields'; readonly line: number; readonly text: string; readonly fields: JsonObject }
  | { readonly kind: 'fault'; readonly line: number; readonly text: string; readonly fault: string };

/** What a reader needs to know of the processor to name a row's fields. */
export interface RowNaming {
  /** The field that a bare value fills. */
  readonly primaryField: string;
  /** Other names of it; the first present wins. */
  readonly aliases: readonly string[];
  /** csv needs no column of these names. @default false */
  readonly isPrimaryOptional?: boolean;
  /** Option `column`: the one name the owner gave. */
  readonly column: string | undefined;
}

/** What a reader needs of a processor. */
export const fieldNamingOf = ({ primaryField, primaryAliases: aliases = [], isPrimaryOptional }: { readonly primaryField: string; readonly primaryAliases?: readonly string[]; readonly isPrimaryOptional?: true }) => ({ primaryField, aliases, isPrimaryOptional: isPrimaryOptional ?? false });

export const fault = (line: number, text: string, reason: string): ManifestRow => ({ kind: 'fault', line, text, fault: reason });

export const OVERSIZED_ROW = `expected a row of at most ${MAX_ROW_BYTES / 1024} KiB`;
export const BROKEN_UTF8 = 'expected UTF-8, got bytes that are not';

/** Gives the primary field the value of the named column, or of the first alias present. */
export function namePrimaryField(fields: JsonObject, naming: RowNaming): JsonObject {
  const { primaryField, aliases, column } = naming;
  if (column !== undefined) return column === primaryField ? fields : { ...fields, [primaryField]: Object.hasOwn(fields, column) ? fields[column] : undefined };
  if (Object.hasOwn(fields, primaryField)) return fields;
  const alias = aliases.find((name) => Object.hasOwn(fields, name));
  return alias === undefined ? fields : { ...fields, [primaryField]: fields[alias] };
}

/** A JSON value as a row: a text fills the primary field, an object is the row itself. */
export function rowOfJson(line: number, text: string, naming: RowNaming): ManifestRow {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fault(line, text, `expected JSON: ${(error as SyntaxError).message}`);
  }
  if (typeof value === 'string') return { kind: 'fields', line, text, fields: { [naming.primaryField]: value } };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fault(line, text, `expected a JSON text or object, got ${value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`}`);
  }
  const reason = faultWithin(value, 1);
  return reason === undefined ? { kind: 'fields', line, text, fields: namePrimaryField(value as JsonObject, naming) } : fault(line, text, reason);
}

/** JSON.parse reads what JSON.stringify can't write down again: nesting that overflows its stack, and numbers that have become infinite. */
function faultWithin(value: object, depth: number): string | undefined {
  if (depth > MAX_ROW_DEPTH) return `expected at most ${MAX_ROW_DEPTH} objects and arrays within each other, got more`;
  for (const member of Object.values(value) as unknown[]) {
    if (member === Infinity || member === -Infinity) return 'expected numbers up to 1.8e308, got a larger one: write it as a text';
    const reason = typeof member === 'object' && member !== null ? faultWithin(member, depth + 1) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The start of a row for `invalid.ndjson.gz`: at most 1 KB of UTF-8, no character cut in two. */
export function cutRow(text: string): string {
  if (text.length * 3 <= MAX_KEPT_ROW_BYTES || Buffer.byteLength(text) <= MAX_KEPT_ROW_BYTES) return text;
  return decodeCut(Buffer.from(text.slice(0, MAX_KEPT_ROW_BYTES)).subarray(0, MAX_KEPT_ROW_BYTES));
}

/** Decodes the start of something longer: a character that the cut halved is left out, other broken bytes become U+FFFD. */
export const decodeCut = (bytes: Uint8Array): string => new TextDecoder().decode(bytes, { stream: true });
