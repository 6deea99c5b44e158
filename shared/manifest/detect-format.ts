import { ManifestRefusedError } from '../errors.ts';
import type { ManifestFormat } from './common-options.ts';

const BY_EXTENSION: Readonly<Record<string, ManifestFormat>> = {
  txt: 'txt', text: 'txt', list: 'txt', csv: 'csv', tsv: 'csv', json: 'json', jsonl: 'jsonl', ndjson: 'jsonl', xml: 'sitemap',
};

const EXPECTED = 'expected txt, csv, json, jsonl or sitemap XML in UTF-8 (plain or gzip)';

/**
 * Tells the format by the content's first bytes (already unpacked) and the name (`.gz` is overlooked).
 * @param columns names that make a first line a csv header when the name says nothing
 * @throws ManifestRefusedError for a name that contradicts the content
 */
export function detectFormat(prefix: Uint8Array, name: string, columns: readonly string[]): ManifestFormat {
  const start = new TextDecoder().decode(prefix).trimStart();
  const named = BY_EXTENSION[extensionOf(name)];
  if (named === 'txt' || named === 'csv') return named;
  if (HTML.test(start)) throw new ManifestRefusedError(`${EXPECTED}, got an HTML page: list its address as a row`);
  if (start.startsWith('<')) return 'sitemap';
  if (named === 'sitemap') throw new ManifestRefusedError(`expected XML in a file named .xml, got text that begins with ${JSON.stringify(start.slice(0, 20))}: rename it or set the option \`format\``);
  if (start.startsWith('[')) return 'json';
  // People name line-by-line JSON .json, too; one pretty-printed object fails at its first line and is refused.
  if (start.startsWith('{') || named !== undefined) return 'jsonl';
  return hasCsvHeader(start, columns) ? 'csv' : 'txt';
}

const HTML = /^<(?:!doctype\s+html|html)\b/i;

/** `jsonl` of `a/list.jsonl.gz`; lower case, empty if there is none. */
export function extensionOf(name: string): string {
  const plain = name.toLowerCase().replace(/(?:\.gz)+$/, '');
  return /\.([a-z0-9]+)$/.exec(plain)?.[1] ?? '';
}

function hasCsvHeader(start: string, columns: readonly string[]): boolean {
  const cells = (start.split(/[\r\n]/, 1)[0] ?? '').split(/[,;\t]/).map((cell) => cell.trim().replaceAll('"', '').toLowerCase());
  return columns.some((column) => cells.includes(column.toLowerCase()));
}

const SIGNATURES: readonly (readonly [kind: string, bytes: readonly number[]])[] = [
  ['UTF-16 text', [0xff, 0xfe]],
  ['UTF-16 text', [0xfe, 0xff]],
  ['a zip or Office file', [0x50, 0x4b, 0x03, 0x04]],
  ['a PDF', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['an image', [0x89, 0x50, 0x4e, 0x47]],
  ['an image', [0xff, 0xd8, 0xff]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['an old Office file', [0xd0, 0xcf, 0x11, 0xe0]],
];

/** @throws ManifestRefusedError for what no format can be */
export function refuseOtherKinds(prefix: Uint8Array): void {
  const kind = SIGNATURES.find(([, bytes]) => bytes.every((byte, i) => prefix[i] === byte))?.[0] ?? (prefix.includes(0) ? 'binary data or UTF-16' : undefined);
  if (kind !== undefined) throw new ManifestRefusedError(`${EXPECTED}, got ${kind}: export it again as one of these`);
}
