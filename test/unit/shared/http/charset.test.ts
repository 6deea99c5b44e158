import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeText, encodingOf } from '../../../../shared/http/charset.ts';

const VECTORS = new URL('../../../../../shared/data/vectors/charset-html5lib-tests1.dat', import.meta.url);

function readCases(): { data: Buffer; encoding: string }[] {
  const text = readFileSync(VECTORS, 'latin1');
  return text.split(/^#data\n/m).slice(1).map((part) => {
    const [data = '', encoding = ''] = part.split(/\n#encoding\n/);
    return { data: Buffer.from(data, 'latin1'), encoding: encoding.trim().split('\n')[0]!.toLowerCase() };
  });
}

/** As a browser without a preference has it; ours differs only where a page says nothing and is valid UTF-8. */
const nameOf = (label: string) => new TextDecoder(label).encoding;

describe.skipIf(!existsSync(VECTORS))("html5lib's encodings (skipped where the shared vectors are missing)", () => {
  const cases = existsSync(VECTORS) ? readCases() : [];
  // Undeclared pages: the table expects windows-1252, and we take UTF-8 if every byte fits it.
  const declared = cases.filter(({ encoding }) => encoding !== 'windows-1252' && encoding !== '');
  test.each(declared)('declared $encoding', ({ data, encoding }) => {
    expect(nameOf(encodingOf(data, 'text/html'))).toBe(nameOf(encoding));
  });
  test('most of the table is declared pages', () => expect(declared.length).toBeGreaterThan(30));
});

test('the byte order mark wins over the header, the header over meta, meta over the guess', () => {
  const meta = Buffer.from('<meta charset=iso-8859-2>', 'latin1');
  const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), meta]);
  expect(encodingOf(marked, 'text/html; charset=windows-1251')).toBe('UTF-8');
  expect(encodingOf(meta, 'text/html; charset="windows-1251"')).toBe('windows-1251');
  expect(encodingOf(meta, 'text/html')).toBe('ISO-8859-2');
  expect(encodingOf(meta, 'text/html; charset=no-such-thing')).toBe('ISO-8859-2');
});

test('a page that says nothing is UTF-8 if its bytes are, else windows-1252', () => {
  expect(decodeText(Buffer.from('Žlutý kůň €', 'utf8'), 'text/html')).toBe('Žlutý kůň €');
  expect(decodeText(Uint8Array.of(0x80, 0x20, 0x93, 0xe9), 'text/html')).toBe('€ “é');
});

test('text is decoded as its encoding says', () => {
  expect(decodeText(Uint8Array.of(0xcf, 0xf0, 0xe8), 'text/html; charset=windows-1251')).toBe('При');
  expect(decodeText(Uint8Array.of(0x93, 0xfa, 0x96, 0x7b), 'text/html; charset=Shift_JIS')).toBe('日本');
  expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x41, 0), 'text/html')).toBe('A');
});
