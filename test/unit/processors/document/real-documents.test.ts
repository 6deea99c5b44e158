import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { answerOf, faultOf, readingOf } from './read.ts';

const FOLDER = new URL('../../../../../shared/data/documents/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, FOLDER));

interface PdfFacts {
  readonly path: string;
  readonly pages: number;
  readonly encrypted: boolean;
}

const isThere = existsSync(FOLDER);
const names = isThere ? readdirSync(FOLDER) : [];
const facts = isThere ? (JSON.parse(read('pdf-facts.json').toString()) as { data: PdfFacts[] }).data : [];
/** Of the files that are here. */
const pageCounts = facts.map(({ path, ...rest }) => ({ name: path.split('/').at(-1)!, ...rest })).filter(({ name }) => names.includes(name));

/** Name -> the end that it has, and no other. */
const FAULTS: Readonly<Record<string, RegExp>> = {
  // Its page tree lies in bytes that are zero.
  'unreadablemetadata.pdf': /^DamagedDocumentError: expected a readable PDF: /,
  'libreoffice-writer-password.pdf': /^EncryptedDocumentError: /,
  'grayscale-image.pdf': /^EmptyDocumentError: expected text, got none from 1 page/,
  'test.pptx': /^UnsupportedDocumentError: .*got a PowerPoint presentation \(pptx\)$/,
  'test.xlsx': /^UnsupportedDocumentError: .*got an Excel workbook \(xlsx\)$/,
  'random.bin': /^UnsupportedDocumentError: .*got bytes of no known type$/,
};

/** Words that a reader sees in it. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'GeoTopo-komprimiert.pdf': ['Einführung in die', 'Homöomorphismus'],
  'REPAIR-2022-INV-001_multipage.pdf': ['Gabriel Diaz'],
  'google-doc-document.pdf': ['Beautiful is better than ugly.'],
  'habibi.pdf': ['habibi'],
  'multicolumn.pdf': ['Two-Column Document'],
  'pdfkit.pdf': ['Foo: bar'],
  'test.docx': ['AutoGen: Enabling Next-Gen LLM Applications', 'Large language models'],
  'test_with_comment.docx': ['AutoGen: Enabling Next-Gen LLM Applications'],
  'test_blog.html': ['Does Model and Inference Parameter Matter', 'gpt-4'],
  'test_mskanji.csv': ['名前,年齢,住所'],
  'test_rss.xml': ['The Official Microsoft Blog'],
};

describe.skipIf(!isThere)('real documents (skipped where the shared data is missing)', () => {
  const readable = names.filter((name) => !(name in FAULTS));

  test('some are readable, and every fault is a file that is there', () => {
    expect(readable.length).toBeGreaterThan(15);
    expect(Object.keys(FAULTS).filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each(Object.entries(FAULTS))('%s ends with its own error', async (name, fault) => expect(await faultOf(read(name))).toMatch(fault));

  test.each(readable)('%s is read', async (name) => {
    const { text, title = '' } = await readingOf(read(name));
    for (const word of WORDS[name] ?? ['']) expect(`${title}\n${text}`).toContain(word);
  });

  const open = pageCounts.filter(({ encrypted, name }) => !encrypted && !(name in FAULTS));
  test.each(open)('$name has $pages pages, as pypdf counts', async ({ name, pages }) => expect((await readingOf(read(name))).pages).toBe(pages));
  test('most PDF files have a count to compare with', () => expect(open.length).toBeGreaterThan(7));

  test('the file of 117 pages says who wrote it, what it is called and when it was made', async () => {
    expect(await readingOf(read('GeoTopo-komprimiert.pdf'), { maxPages: 2 })).toMatchObject({
      type: 'pdf',
      mediaType: 'application/pdf',
      pages: 117,
      title: 'Geometrie und Topologie',
      author: 'Martin Thoma',
      metadata: { keywords: 'Geometrie, Topologie', createdAt: '2016-12-31T17:43:23.000Z', pdfVersion: '1.5' },
      isCut: true,
    });
  });

  test("Word's own file says what Word says of it, and its comments are no text of it", async () => {
    const reading = await readingOf(read('test_with_comment.docx'));
    expect(reading).toMatchObject({ type: 'docx', pages: 3, author: 'Adam Fourney', language: 'en-US', isCut: false });
    expect(reading.text).not.toContain('This is my comment');
  });

  test('a PDF cut anywhere ends with one answer, and none that says more pages than it had', async () => {
    const whole = read('pdflatex-4-pages.pdf');
    for (const share of [0.05, 0.3, 0.6, 0.9, 0.99]) {
      const answer = await answerOf(whole.subarray(0, share * whole.length));
      if (answer.kind === 'read') expect(answer.reading.pages).toBeLessThanOrEqual(4);
      else expect(answer.name).toBe('DamagedDocumentError');
    }
  });

  test('a DOCX cut anywhere is damaged: its directory stands at the end', async () => {
    const whole = read('test.docx');
    for (const share of [0.1, 0.5, 0.9, 0.999]) expect(await faultOf(whole.subarray(0, share * whole.length))).toMatch(/^DamagedDocumentError/);
  });
});
