import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { CommonOptions } from '../../../../shared/manifest/common-options.ts';
import { MAX_ROW_BYTES } from '../../../../shared/manifest/limits.ts';
import type { ManifestRow } from '../../../../shared/manifest/manifest-row.ts';
import { readManifest } from '../../../../shared/manifest/read-manifest.ts';
import { chunksOf } from '../../../support/memory-object-store.ts';

interface Setup {
  readonly options?: Pick<CommonOptions, 'column' | 'format'>;
  readonly chunkBytes?: number;
}

async function readRows(name: string, body: string | Uint8Array, { options = {}, chunkBytes = 7 }: Setup = {}): Promise<ManifestRow[]> {
  const rows: ManifestRow[] = [];
  const manifest = { body: chunksOf(Buffer.from(body), chunkBytes), name, primaryField: 'url', aliases: ['loc', 'link'], options };
  for await (const block of readManifest(manifest)) rows.push(...block);
  return rows;
}

/** Line and fields, or line and the fault. */
const read = async (...args: Parameters<typeof readRows>) => (await readRows(...args)).map((row) => [row.line, row.kind === 'fields' ? row.fields : row.fault]);
const refusal = async (...args: Parameters<typeof readRows>): Promise<string> => {
  const error: unknown = await readRows(...args).catch((caught: unknown) => caught);
  return error instanceof Error && error.name === 'ManifestRefusedError' ? error.message : `no refusal: ${String(error)}`;
};

describe('txt', () => {
  test('a line is a value; blank lines and comments are no rows but count as lines', async () => {
    expect(await read('l.txt', 'a\n\n# no\n  b  \n\t\nc')).toEqual([[1, { url: 'a' }], [4, { url: 'b' }], [6, { url: 'c' }]]);
  });

  test.each([1, 2, 3, 100])('LF, CRLF and a lone CR end a line, in chunks of %i bytes', async (chunkBytes) => {
    expect(await read('l.txt', 'a\r\nb\rc\n\r\nd\r', { chunkBytes })).toEqual([[1, { url: 'a' }], [2, { url: 'b' }], [3, { url: 'c' }], [5, { url: 'd' }]]);
  });

  test.each([1, 2, 3, 100])('a byte order mark is no part of the first row, in chunks of %i bytes', async (chunkBytes) => {
    expect(await read('l.txt', '\ufeffä\nb', { chunkBytes })).toEqual([[1, { url: 'ä' }], [2, { url: 'b' }]]);
  });

  test('only the line with broken UTF-8 suffers', async () => {
    expect(await read('l.txt', Buffer.from('ä\r\nb\xff\r\nc\n', 'latin1'), { chunkBytes: 100 })).toEqual([
      [1, 'expected UTF-8, got bytes that are not'], [2, 'expected UTF-8, got bytes that are not'], [3, { url: 'c' }],
    ]);
    expect(await read('l.txt', Buffer.concat([Buffer.from('ä\n'), Buffer.from([0xff, 10])]))).toEqual([[1, { url: 'ä' }], [2, 'expected UTF-8, got bytes that are not']]);
  });

  test.each([1000, 65_536, 10_000_000])('a row of 256 KiB is read, a longer one is a fault of which the start is kept, in chunks of %i bytes', async (chunkBytes) => {
    const body = `${'x'.repeat(MAX_ROW_BYTES)}\r\n${'y'.repeat(MAX_ROW_BYTES + 1)}\r\n${'z'.repeat(3 * MAX_ROW_BYTES)}\rlast`;
    const rows = await readRows('l.txt', body, { chunkBytes });
    expect(rows.map((row) => [row.line, row.kind, row.text.length])).toEqual([[1, 'fields', MAX_ROW_BYTES], [2, 'fault', 1024], [3, 'fault', 1024], [4, 'fields', 4]]);
  });

  test('what looks like JSON is text if the name says txt', async () => {
    expect(await read('l.txt', '[1]')).toEqual([[1, { url: '[1]' }]]);
  });
});

describe('jsonl', () => {
  test('a line is a text or an object; an alias fills the primary field', async () => {
    expect(await read('l.jsonl', '"a"\n\n{"url":"b","n":1}\n{"loc":"c"}\n{"link":"e","loc":"d"}')).toEqual([
      [1, { url: 'a' }], [3, { url: 'b', n: 1 }], [4, { loc: 'c', url: 'c' }], [5, { link: 'e', loc: 'd', url: 'd' }],
    ]);
  });

  test('what is no text or object is a fault of its line', async () => {
    const rows = await read('l.ndjson', '{"url":\n1\nnull\n[]\n{"url":"a"}', { options: { format: 'jsonl' } });
    expect(rows.slice(1)).toEqual([
      [2, 'expected a JSON text or object, got a number'], [3, 'expected a JSON text or object, got null'], [4, 'expected a JSON text or object, got an array'], [5, { url: 'a' }],
    ]);
    expect(rows[0]![1]).toMatch(/^expected JSON: /);
  });

  test('the option column names the field, also against the primary one', async () => {
    expect(await read('l.jsonl', '{"url":"a","page":"b"}', { options: { column: 'page' } })).toEqual([[1, { url: 'b', page: 'b' }]]);
  });

  test('a file named .json may hold it', async () => {
    expect(await read('l.json', '{"url":"a"}\n{"url":"b"}')).toEqual([[1, { url: 'a' }], [2, { url: 'b' }]]);
  });
});

describe('csv', () => {
  test('the header names the fields; numbers count records, the header and blank ones included', async () => {
    expect(await read('l.csv', 'ID,Url,note\n1,a,x\n\n2,b,\n')).toEqual([[2, { id: '1', Url: 'a', url: 'a', note: 'x' }], [4, { id: '2', Url: 'b', url: 'b' }]]);
  });

  test.each([[1], [5], [1000]])('quoted cells hold delimiters, quotes and line ends, in chunks of %i bytes', async (chunkBytes) => {
    expect(await read('l.csv', '"url","note"\r\n"a,b","say ""hi"""\r\nc,"two\r\nlines\n\n"\r\n"",d"e\r\n', { chunkBytes })).toEqual([
      [2, { url: 'a,b', note: 'say "hi"' }], [3, { url: 'c', note: 'two\r\nlines\n\n' }], [4, { note: 'd"e' }],
    ]);
  });

  test.each([['semicolon', 'url;n\na;1,5'], ['tab', 'url\tn\na\t1,5']])('a %s may delimit', async (_name, body) => {
    expect(await read('l.csv', body)).toEqual([[2, { url: 'a', n: '1,5' }]]);
  });

  test('more cells than the header is a fault, fewer are not', async () => {
    expect(await read('l.csv', 'url,n\na,1,2\nb\n')).toEqual([[2, 'expected 2 columns as in the header, got 3: put a cell that holds the delimiter in quotes'], [3, { url: 'b' }]]);
  });

  test('a quote that is not closed, or closed too early, is a fault of its record', async () => {
    expect(await read('l.csv', 'url\n"a"b\nc\n"d\ne')).toEqual([
      [2, 'expected a delimiter after the closing quote, got more text'], [3, { url: 'c' }], [4, 'expected a closing quote, got the end of the file'],
    ]);
    const long = await readRows('l.csv', `url\n"${'x'.repeat(300)}\n${`${'y'.repeat(999)}\n`.repeat(300)}c\n`, { chunkBytes: 4096 });
    expect(long[0]).toMatchObject({ line: 2, kind: 'fault', fault: 'expected a closing quote within 256 KiB, got none' });
    expect(long.at(-1)).toMatchObject({ fields: { url: 'c' } });
  });

  test('the column is the named one, the primary one, or the first alias; else the file is refused', async () => {
    expect(await read('l.csv', 'link,loc\na,b')).toEqual([[2, { link: 'a', loc: 'b', url: 'b' }]]);
    expect(await read('l.csv', 'link,Page\na,b', { options: { column: 'page' } })).toEqual([[2, { link: 'a', Page: 'b', url: 'b' }]]);
    expect(await refusal('l.csv', 'a,b\n1,2')).toBe('expected a csv header with a column `url` or `loc` or `link`, got "a","b": name the column with the option `column`');
    expect(await refusal('l.csv', 'url\n1', { options: { column: 'x' } })).toBe('expected a csv header with a column `x`, got "url": correct the option `column`');
  });

  test('without an ending in the name, a header tells csv from txt', async () => {
    expect(await read('list', 'n,url\n1,a')).toEqual([[2, { n: '1', url: 'a' }]]);
    expect(await read('list', 'a,b\nc')).toEqual([[1, { url: 'a,b' }], [2, { url: 'c' }]]);
  });
});

describe('json', () => {
  test.each([1, 3, 1000])('an array of texts and objects, numbered by element, in chunks of %i bytes', async (chunkBytes) => {
    const body = ' [ "a]\\",[" ,\n{"url":"b","x":[{"y":"}"}]},"ü" ] \n';
    expect(await read('l.json', body, { chunkBytes })).toEqual([[1, { url: 'a]",[' }], [2, { url: 'b', x: [{ y: '}' }] }], [3, { url: 'ü' }]]);
  });

  test('a bad element is a fault of its own', async () => {
    const rows = await read('l.json', '[1, nope, , {"url":"a"}, "b",]');
    expect(rows.map(([line]) => line)).toEqual([1, 2, 3, 4, 5]);
    expect(rows[0]![1]).toBe('expected a JSON text or object, got a number');
    expect(rows[1]![1]).toMatch(/^expected JSON: /);
    expect(rows.slice(2)).toEqual([[3, 'expected a JSON text or object, got nothing before the comma'], [4, { url: 'a' }], [5, { url: 'b' }]]);
  });

  test.each([1000, 10_000_000])('an oversized element is a fault of which the start is kept, in chunks of %i bytes', async (chunkBytes) => {
    const rows = await readRows('l.json', `[   ${JSON.stringify('x'.repeat(MAX_ROW_BYTES - 2))},${JSON.stringify('y'.repeat(MAX_ROW_BYTES))},"z"]`, { chunkBytes });
    expect(rows.map((row) => [row.line, row.kind, row.text.length])).toEqual([[1, 'fields', MAX_ROW_BYTES], [2, 'fault', 1024], [3, 'fields', 3]]);
  });

  test.each([
    ['["a","b"', 'expected the JSON array to end with `]`, got the end of the file in element 2: upload the whole file'],
    ['["a"] ["b"]', "expected nothing after the JSON array's `]`, got more after element 1: one array is one manifest"],
  ])('%s is refused', async (body, sentence) => {
    expect(await refusal('l.json', body)).toBe(sentence);
  });
});

describe('sitemap', () => {
  const urlset = (inside: string) => `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${inside}</urlset>`;

  test.each([1, 5, 1000])('each url is a row, in chunks of %i bytes; locations of images are none', async (chunkBytes) => {
    const body = urlset('<url><loc> https://a.example/?x=1&amp;y=ü </loc><image:image><image:loc>i</image:loc></image:image></url><url><lastmod>x</lastmod></url><url><loc><![CDATA[b]]></loc></url>');
    expect(await read('sitemap.xml', body, { chunkBytes })).toEqual([[1, { url: 'https://a.example/?x=1&y=ü' }], [2, 'expected a <loc> in <url>, got none'], [3, { url: 'b' }]]);
  });

  test('a prefixed one is read, too', async () => {
    expect(await read('s.xml', '<s:urlset xmlns:s="x"><s:url><s:loc>a</s:loc></s:url></s:urlset>')).toEqual([[1, { url: 'a' }]]);
  });

  test('each sitemap of an index asks to be expanded', async () => {
    expect(await read('s.xml', '<sitemapindex><sitemap><loc>a</loc></sitemap></sitemapindex>')).toEqual([[1, { url: 'a', expand: 'sitemap' }]]);
  });

  test.each([
    ['<!doctype html><html><body>', 'expected txt, csv, json, jsonl or sitemap XML in UTF-8 (plain or gzip), got an HTML page: list its address as a row'],
    ['<rss></rss>', 'expected a sitemap (<urlset> or <sitemapindex>), got <rss>'],
    ['<?xml version="1.0" encoding="ISO-8859-1"?><urlset></urlset>', 'expected sitemap XML in UTF-8, got ISO-8859-1: save it as UTF-8'],
  ])('%s is refused', async (body, sentence) => {
    expect(await refusal('s.xml', body)).toBe(sentence);
  });

  test('one that ends early, holds broken UTF-8, or nests or drags on without end is refused', async () => {
    expect(await refusal('s.xml', '<urlset><url><loc>a</loc></url>')).toMatch(/^expected well-formed XML, got a fault at /);
    expect(await refusal('s.xml', Buffer.from('<urlset><url><loc>\xff</loc></url></urlset>', 'latin1'))).toBe('expected sitemap XML in UTF-8, got bytes that are not: save it as UTF-8');
    expect(await refusal('s.xml', `<urlset>${'<a>'.repeat(100)}`)).toBe('expected sitemap XML, got elements nested deeper than 64');
    expect(await refusal('s.xml', `<urlset><!--${'x'.repeat(2_000_000)}`, { chunkBytes: 65_536 })).toBe('expected sitemap XML, got more than 1 MiB without a tag');
  });
});

describe('gzip and other kinds', () => {
  test.each([1, 3, 1000])('gzip is told by its bytes, also twice and in members, in chunks of %i bytes', async (chunkBytes) => {
    const rows = [[1, { url: 'a' }], [2, { url: 'b' }]];
    expect(await read('l.txt.gz', Buffer.concat([gzipSync('\ufeffa\n'), gzipSync('b\n')]), { chunkBytes })).toEqual(rows);
    expect(await read('l.txt', gzipSync(gzipSync('a\nb')), { chunkBytes })).toEqual(rows);
    expect(await read('l.json.gz', '["a","b"]', { chunkBytes })).toEqual(rows);
  });

  test.each([
    ['cut', gzipSync('a\n'.repeat(9999)).subarray(0, 40), /^expected a whole gzip file, got one that ends early/],
    ['cut in its header', gzipSync('a').subarray(0, 5), /^expected a whole gzip file, got one that ends early/],
    ['damaged', damaged(gzipSync('a\nb\nc')), /^expected a sound gzip file, got a damaged one/],
    ['wrapped too often', gzipSync(gzipSync(gzipSync('a'))), /^expected at most 2 layers of gzip/],
    ['empty', gzipSync(''), /^expected at least one row, got an empty file/],
  ])('gzip that is %s is refused', async (_name, body, sentence) => {
    expect(await refusal('l.txt.gz', body)).toMatch(sentence);
  });

  test.each([
    ['UTF-16', Buffer.from('\ufeffhttps://a.example/', 'utf16le'), 'UTF-16 text'],
    ['UTF-16 without a mark', Buffer.from('https://a.example/', 'utf16le'), 'binary data or UTF-16'],
    ['zip', Buffer.from('PK\u0003\u0004rest'), 'a zip or Office file'],
    ['PDF', Buffer.from('%PDF-1.7'), 'a PDF'],
  ])('%s is refused, whatever the name and the option say', async (_name, body, kind) => {
    expect(await refusal('l.txt', body, { options: { format: 'txt' } })).toBe(
      `expected txt, csv, json, jsonl or sitemap XML in UTF-8 (plain or gzip), got ${kind}: export it again as one of these`,
    );
  });

  test('a name that promises XML is held to it', async () => {
    expect(await refusal('s.xml', 'https://a.example/')).toMatch(/^expected XML in a file named .xml, got text that begins with "https:\/\/a.example\/"/);
  });

  test('an error of the download stays what it is', async () => {
    const body = (async function* () {
      yield gzipSync('a\n').subarray(0, 12);
      await Promise.resolve();
      throw new TypeError('the connection broke');
    })();
    const rows = readManifest({ body, name: 'l.txt.gz', primaryField: 'url', aliases: [], options: {} });
    await expect(rows.next()).rejects.toThrow(new TypeError('the connection broke'));
  });
});

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 6]! ^= 0xff;
  return copy;
}
