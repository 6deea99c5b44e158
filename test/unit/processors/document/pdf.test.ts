import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { makePdf, showText } from '../../../support/documents.ts';
import { faultOf, readingOf } from './read.ts';

const pages = (count: number) => Array.from({ length: count }, (_, i) => showText(`page ${i + 1}`));

describe('a PDF', () => {
  test('gives the text of its pages, packed or not, an empty line between them', async () => {
    expect(await readingOf(makePdf({ pages: pages(3) }))).toMatchObject({ type: 'pdf', pages: 3, text: 'page 1\n\npage 2\n\npage 3', isCut: false });
    expect((await readingOf(makePdf({ pages: pages(2).map((page) => deflateSync(page)), filter: '/Filter/FlateDecode' }))).text).toBe('page 1\n\npage 2');
  });

  test('says what its information dictionary says, in one form', async () => {
    const info = '/Title(A\\ntitle)/Author(Ann)/Subject( )/CreationDate(D:20240203040506+01\'00\')/ModDate(yesterday)';
    const reading = await readingOf(makePdf({ pages: pages(1), info }));
    expect(reading).toMatchObject({ title: 'A title', author: 'Ann' });
    expect(reading.metadata).toEqual({ createdAt: '2024-02-03T03:05:06.000Z', pdfVersion: '1.4' });
  });

  test('is one by content: behind bytes that are no text, too, but not where a text speaks of it', async () => {
    const pdf = makePdf({ pages: pages(1) });
    expect((await readingOf(Buffer.concat([Buffer.from([0, 1, 2, 10]), pdf]))).type).toBe('pdf');
    expect((await readingOf('A file that begins with %PDF-1.4 is a PDF.')).type).toBe('text');
  });

  test('of more pages than asked for is read as far as that, and says so', async () => {
    expect(await readingOf(makePdf({ pages: pages(5) }), { maxPages: 2 })).toMatchObject({ pages: 5, text: 'page 1\n\npage 2', isCut: true });
  });

  test('of more text than asked for is cut there, within a page as well', async () => {
    const { text, isCut } = await readingOf(makePdf({ pages: pages(5) }), { maxCharacters: 10 });
    expect([text, isCut]).toEqual(['page 1\n\npa', true]);
  });

  test('that claims a billion pages is read as far as it has some', async () => {
    expect(await readingOf(makePdf({ pages: pages(2), count: 1_000_000_000 }), { maxPages: 50 })).toMatchObject({ text: 'page 1\n\npage 2' });
  });

  test('without a page that can be read is damaged', async () => {
    expect(await faultOf(makePdf({ pages: [] }))).toMatch(/^DamagedDocumentError/);
    expect(await faultOf('%PDF-1.7\nnothing more')).toMatch(/^DamagedDocumentError: expected a readable PDF: /);
  });

  test('without text is empty: a scan', async () => expect(await faultOf(makePdf({ pages: [Buffer.from('0 0 10 10 re f')] }))).toBe('EmptyDocumentError: expected text, got none from 1 page: a scan has pictures of text only'));
});
