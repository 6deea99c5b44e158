import type { JsonObject } from '../../shared/rows.ts';
import { uploadKeyFault } from '../../shared/uploads.ts';
import { canonicalUrl } from '../../shared/web-url.ts';
import type { RowReading } from '../processor.ts';

/** Has one of both. */
export type DocumentInput = JsonObject & { readonly file?: string; readonly url?: string };

/** An upload by its key below the tenant's prefix, or a web address: exactly one of both. */
export function readRow({ file, url }: JsonObject): RowReading<DocumentInput> {
  const hasFile = isGiven(file);
  if (hasFile === isGiven(url)) return { kind: 'invalid', reason: `expected a \`file\` or a \`url\`, got ${hasFile ? 'both' : 'none'}` };
  return hasFile ? readKey(file) : readUrl(url);
}

/** An empty cell of a csv is none. */
const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

function readKey(file: unknown): RowReading<DocumentInput> {
  if (typeof file !== 'string') return { kind: 'invalid', reason: `expected \`file\` to be a text, got ${typeof file}` };
  // No key: it has an empty part. A line of a txt manifest has no other place for an address.
  if (/^\s*https?:\/\//i.test(file)) return readUrl(file);
  const fault = uploadKeyFault(file);
  return fault === undefined ? { kind: 'item', input: { file }, equalityKey: `file:${file}` } : { kind: 'invalid', reason: fault };
}

function readUrl(text: unknown): RowReading<DocumentInput> {
  if (typeof text !== 'string') return { kind: 'invalid', reason: `expected \`url\` to be a text, got ${typeof text}` };
  const url = canonicalUrl(text);
  return url.ok ? { kind: 'item', input: { url: url.href }, equalityKey: `url:${url.href}`, limitKey: `host:${url.host}` } : { kind: 'invalid', reason: url.reason };
}
