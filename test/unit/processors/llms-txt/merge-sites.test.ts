import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PageOutput } from '../../../../processors/llms-txt/extract-page.ts';
import { siteFolder, twinPath } from '../../../../processors/llms-txt/file-names.ts';
import { mergeSites } from '../../../../processors/llms-txt/merge-sites.ts';
import type { ResultRow } from '../../../../shared/rows.ts';
import { parseLlmsTxt, shownText } from './llms-txt-grammar.ts';

type PageFacts = Partial<PageOutput> & { readonly finalUrl: string };

const rowOf = (line: number, page: PageFacts): ResultRow => ({
  line,
  input: { url: page.finalUrl },
  attempts: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  durationMs: 1,
  verdict: 'succeeded',
  output: { url: page.finalUrl, title: `Title ${line}`, markdown: `Text of ${page.finalUrl}`, tokens: 10, ...page },
});

async function merge(rows: readonly ResultRow[], options = {}): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  await mergeSites({
    run: 'r',
    options: { maxTokensPerFile: 200_000, twins: true, ...options },
    totals: { rows: rows.length, invalid: 0, items: rows.length, duplicates: 0, shards: 1 },
    async *rows() {
      yield* rows;
    },
    output: {
      write: async (path, body) => void files.set(path, String(body)),
      writeStream: async (path, chunks) => void files.set(path, await joinChunks(chunks)),
    },
  });
  return files;
}

async function joinChunks(chunks: AsyncIterable<string | Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += String(chunk);
  return text;
}

const pages = (...finalUrls: string[]) => finalUrls.map((finalUrl, i) => rowOf(i + 1, { finalUrl }));
const linksOf = (text: string) => parseLlmsTxt(text).sections.flatMap(({ links }) => links);

describe('llms.txt', () => {
  test('sections follow the folders below what all pages share; Pages is first, Optional last', async () => {
    const base = 'https://a.example/en';
    const files = await merge(pages(`${base}/guide/b`, `${base}/guide/a`, `${base}/api-reference/x`, `${base}/api-reference/y`, `${base}/intro`, `${base}/privacy-policy`, `${base}/lonely/page`, 'https://a.example/'));
    const { sections } = parseLlmsTxt(files.get('sites/a.example/llms.txt')!);
    expect(sections.map(({ title, links }) => [title, ...links.map(({ url }) => url.replace(base, ''))])).toEqual([
      ['Pages', 'https://a.example/', '/intro', '/lonely/page'],
      ['Api reference', '/api-reference/x', '/api-reference/y'],
      ['Guide', '/guide/a', '/guide/b'],
      ['Optional', '/privacy-policy'],
    ]);
  });

  test('the home page gives title and summary; without one the host does', async () => {
    const rows = [rowOf(1, { finalUrl: 'https://a.example/', title: 'Acme docs', description: 'All about it.' }), ...pages('https://b.example/x').map((row) => ({ ...row, line: 2 }))];
    const files = await merge(rows);
    expect(parseLlmsTxt(files.get('sites/a.example/llms.txt')!)).toMatchObject({ title: 'Acme docs', summary: 'All about it.' });
    expect(parseLlmsTxt(files.get('sites/b.example/llms.txt')!)).toMatchObject({ title: 'b.example', summary: 'Pages of b.example.' });
  });

  test('a page that several rows ended at is there once, as the lowest line has it', async () => {
    const twice = [rowOf(7, { finalUrl: 'https://a.example/x', title: 'Seven' }), rowOf(3, { finalUrl: 'http://a.example/x', title: 'Three' }), rowOf(9, { finalUrl: 'https://a.example/x', title: 'Nine' })];
    for (const rows of [twice, twice.toReversed()]) expect(linksOf((await merge(rows)).get('sites/a.example/llms.txt')!)).toEqual([{ title: 'Three', url: 'http://a.example/x', note: undefined }]);
  });

  test('rows that failed or were skipped are in no file; a run without pages writes none', async () => {
    const { output: _, ...base } = { ...rowOf(1, { finalUrl: 'https://a.example/' }), output: undefined };
    const failed: ResultRow = { ...base, verdict: 'failed', error: { name: 'DnsError', message: 'no such host', retryable: false } };
    expect(await merge([failed, { ...base, verdict: 'skipped', reason: 'robots' }])).toEqual(new Map());
  });

  test('property: whatever titles and notes say, the grammar holds, every page is there once, and each line shows its own text', async () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(fc.constantFrom('[', ']', '(', ')', '\n', '\r\n', '\u2028', '## ', '# ', '- ', '\\', '*', '_', '`', '<b>', '>', '&amp;', '&', '](http://evil.example/)', ': ', 'x', ' ', '~~', '|', '1. '), { maxLength: 12 }).map((parts) => parts.join('')),
    );
    const site = fc.array(fc.record({ title: hostile, description: hostile, path: fc.webPath(), query: fc.webQueryParameters() }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(site, async (facts) => {
        const rows = facts.map(({ title, description, path, query }, i) => rowOf(i + 1, { title: /[^\p{Cc}\p{Zl}\p{Zp}\s]/u.test(title) ? title : 'x', description, finalUrl: new URL(`https://a.example/${path}${query ? `?${query}` : ''}`).href }));
        const text = (await merge(rows, { twins: false })).get('sites/a.example/llms.txt')!;
        const links = linksOf(text);
        const expected = new Map(rows.toReversed().flatMap((row) => (row.verdict === 'succeeded' ? [[String(row.output['finalUrl']), String(row.output['title'])]] : [])));
        expect(links.length).toBe(expected.size);
        const shown = links.map(({ title }) => shownText(title)).toSorted();
        const titles = [...expected.values()].map((title) => title.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').replaceAll('[', '(').replaceAll(']', ')').trim()).toSorted();
        expect(shown).toEqual(titles);
        for (const { note } of links) if (note !== undefined) shownText(note);
      }),
      { numRuns: 100 },
    );
  });

  test('the same pages in any order give the same bytes', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => rowOf(i + 1, { finalUrl: `https://${i % 3}.example/${i % 4}/${(i * 7) % 10}`, tokens: i }));
    const expected = await merge(rows, { maxTokensPerFile: 30 });
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(rows, { minLength: rows.length }), async (shuffled) => {
        expect([...(await merge(shuffled, { maxTokensPerFile: 30 }))].toSorted()).toEqual([...expected].toSorted());
      }),
      { numRuns: 20 },
    );
  });
});

describe('llms-full.txt', () => {
  test('property: no file exceeds the bound but by a single page, and every page is in exactly one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }), async (tokens) => {
        const rows = tokens.map((count, i) => rowOf(i + 1, { finalUrl: `https://a.example/${i}`, tokens: count, markdown: `[${i}]` }));
        const files = await merge(rows, { maxTokensPerFile: 100, twins: false });
        const full = [...files].filter(([path]) => path.includes('llms-full'));
        const counts = full.map(([, text]) => [...text.matchAll(/^Tokens: (\d+)$/gm)].map((match) => Number(match[1])));
        for (const file of counts) expect(file.length === 1 || file.reduce((sum, n) => sum + n, 0) <= 100).toBe(true);
        const found = full.flatMap(([, text]) => [...text.matchAll(/^\[(\d+)\]$/gm)].map((match) => Number(match[1])));
        expect(found.toSorted((a, b) => a - b)).toEqual(tokens.map((_, i) => i));
      }),
      { numRuns: 50 },
    );
  });

  test('the files are called llms-full.txt, llms-full-2.txt and so on', async () => {
    const files = await merge(pages('https://a.example/1', 'https://a.example/2', 'https://a.example/3'), { maxTokensPerFile: 10, twins: false });
    expect([...files.keys()]).toEqual(['llms.txt', 'llms-full.txt', 'llms-full-2.txt', 'llms-full-3.txt'].map((name) => `sites/a.example/${name}`));
  });
});

describe('file names', () => {
  test.each([
    ['https://a.example/', 'index.md'],
    ['https://a.example/guide/', 'guide/index.md'],
    ['https://a.example/guide', 'guide.md'],
    ['https://a.example/guide/page.html', 'guide/page.html.md'],
  ])('%s is %s', (url, path) => expect(twinPath(url)).toBe(path));

  test.each([
    ['https://a.example/x', 'sites/a.example'],
    ['http://127.0.0.1:8080/', 'sites/127.0.0.1_8080'],
    ['http://[::1]:8080/', 'sites/--1_8080'],
    ['http://a_8080/', 'sites/a__8080'],
  ])('the folder of %s is %s', (url, folder) => expect(siteFolder(url)).toBe(folder));

  test('property: two pages never share a name, nor is one the folder of another, on disks without capitals too', () => {
    const piece = fc.oneof(fc.constantFrom('index', 'a', 'A', 'a.md', 'llms.txt', 'a.MD', '%2e%2e', '%00', 'é', ' ', '..', '.', '', 'x-0123456789', 'con', 'a'.repeat(300)), fc.webSegment());
    const url = fc.tuple(fc.array(piece, { maxLength: 4 }), fc.constantFrom('', '/', '?', '?a=1', '?A=1')).map(([parts, end]) => new URL(`https://a.example/${parts.join('/')}${end}`).href.replace(/\?$/, ''));
    fc.assert(
      fc.property(fc.uniqueArray(url, { minLength: 2, maxLength: 12 }), (urls) => {
        const names = urls.map((text) => twinPath(text).toLowerCase());
        expect(new Set([...names, 'llms.txt', 'llms-full.txt']).size).toBe(urls.length + 2);
        for (const name of names) {
          expect(name).toMatch(/^[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*\.md$/);
          for (const other of [...names, 'llms.txt']) expect(name.startsWith(`${other}/`)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});
