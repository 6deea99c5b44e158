import { describe, expect, test } from 'vitest';
import { makeDocx, makeZip, paragraph, wordXml } from '../../../support/documents.ts';
import { answerOf, faultOf, readingOf } from './read.ts';

const textOf = async (body: string): Promise<string> => (await readingOf(makeDocx(body))).text;

describe('text of a DOCX', () => {
  test('a paragraph is a line', async () => expect(await textOf(paragraph('one') + paragraph('') + paragraph('two &amp; three'))).toBe('one\n\ntwo & three'));

  test('breaks, tabs and hyphens are what they look like', async () => {
    expect(await textOf('<w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/><w:t>d</w:t></w:r></w:p>')).toBe('a\tb\nc-d');
  });

  test('a table row is a line, cells have tabs between them', async () => {
    const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`;
    expect(await textOf(`<w:tbl><w:tr>${cell('a')}${cell('b')}</w:tr><w:tr>${cell('c')}${cell('d')}</w:tr></w:tbl>`)).toBe('a \tb\nc \td');
  });

  test('what was deleted or moved away, field codes and second forms are no text', async () => {
    const run = (text: string) => `<w:r><w:t>${text}</w:t></w:r>`;
    const body = `<w:p>${run('kept')}<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:moveFrom>${run('away')}</w:moveFrom><w:ins>${run(' new')}</w:ins><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>`;
    const twice = `<mc:AlternateContent><mc:Choice>${paragraph('box')}</mc:Choice><mc:Fallback>${paragraph('box')}</mc:Fallback></mc:AlternateContent>`;
    expect(await textOf(body + twice)).toBe('kept new\nbox');
  });

  test('notes follow the text; comments do not', async () => {
    const part = (name: string, text: string) => ({ name: `word/${name}.xml`, data: wordXml(paragraph(text)) });
    expect((await readingOf(makeDocx(paragraph('text'), [part('footnotes', 'foot'), part('endnotes', 'end'), part('comments', 'comment')]))).text).toBe('text\n\nfoot\n\nend');
  });

  test('the package says which part is the main one, and prefixes are free', async () => {
    const parts = [
      { name: '_rels/.rels', data: '<Relationships xmlns="x"><Relationship Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/word/other.xml"/></Relationships>' },
      { name: 'word/other.xml', data: wordXml(paragraph('other')).replaceAll('w:', 'x:').replace('xmlns:w=', 'xmlns:x=') },
    ];
    expect((await readingOf(makeDocx(paragraph('text'), parts))).text).toBe('other');
  });

  test('UTF-16 is read by its mark', async () => {
    const data = Buffer.from(`\uFEFF${wordXml(paragraph('größe'))}`, 'utf16le');
    expect((await readingOf(makeDocx('', [{ name: 'word/document.xml', data }]))).text).toBe('größe');
  });
});

test('properties are cleaned, and broken ones cost no text', async () => {
  const core = (inner: string) => ({ name: 'docProps/core.xml', data: `<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:t="t">${inner}</cp:coreProperties>` });
  const good = await readingOf(makeDocx(paragraph('x'), [core('<dc:title> A\n title </dc:title><dc:creator>Ann</dc:creator><dc:language>de-CH</dc:language><t:created>2024-02-30T99:00:00Z</t:created><t:modified>2024-02-03T04:05:06Z</t:modified>')]));
  expect(good).toMatchObject({ title: 'A title', author: 'Ann', language: 'de-CH', metadata: { modifiedAt: '2024-02-03T04:05:06.000Z' } });
  expect(good.metadata).not.toHaveProperty('createdAt');
  expect(await readingOf(makeDocx(paragraph('x'), [core('<dc:title>A')]))).toMatchObject({ text: 'x', metadata: {} });
});

describe('a broken archive', () => {
  const docx = makeDocx(paragraph('hello'));

  test('that is cut has no directory', async () => expect(await faultOf(docx.subarray(0, -30))).toBe('DamagedDocumentError: expected a whole ZIP archive, its directory at the end is missing'));
  test('with a wrong checksum is damaged', async () => expect(await faultOf(makeDocx('', [{ name: 'word/document.xml', data: wordXml(paragraph('x')), crc: 1 }]))).toContain('the checksum of word/document.xml is wrong'));
  test('with broken XML is damaged', async () => expect(await faultOf(makeDocx('<w:p>'))).toMatch(/^DamagedDocumentError: expected well-formed XML in word\/document\.xml/));
  test('without its main part is damaged', async () => {
    const types = makeZip([{ name: '[Content_Types].xml', data: 'wordprocessingml.document.main' }]);
    expect(await faultOf(types)).toMatch(/^DamagedDocumentError: expected the Word document's main part word\/document\.xml/);
  });
  test('packed in an unknown way is unsupported', async () => expect(await faultOf(makeDocx('', [{ name: 'word/document.xml', data: 'x', method: 14 }]))).toContain('UnsupportedDocumentError: expected word/document.xml to be packed by deflate, got method 14'));
  test('with a password is encrypted', async () => expect(await faultOf(makeDocx('', [{ name: 'word/document.xml', data: 'x', flags: 1 }]))).toMatch(/^EncryptedDocumentError/));
});

describe('a bomb', () => {
  test('of one part that unpacks to more than 128 MiB is not unpacked', async () => {
    const bomb = makeDocx('', [{ name: 'word/document.xml', data: Buffer.alloc(129 * 1024 * 1024, ' ') }]);
    expect(bomb.length).toBeLessThan(200_000);
    expect(await faultOf(bomb)).toBe('OversizedDocumentError: expected at most 134217728 bytes unpacked, word/document.xml has more');
  });

  test('of many parts has the same bound', async () => {
    const part = (name: string) => ({ name: `word/${name}.xml`, data: Buffer.concat([Buffer.from(wordXml(paragraph('x'))), Buffer.alloc(60 * 1024 * 1024, ' ')]) });
    expect(await faultOf(makeDocx('', ['document', 'footnotes', 'endnotes'].map(part)))).toMatch(/^OversizedDocumentError: .*word\/endnotes\.xml has more$/);
  });

  test('of entries is refused before one is read', async () => {
    const many = makeZip(Array.from({ length: 10_001 }, (_, i) => ({ name: String(i), data: '', isStored: true })));
    expect(await faultOf(many)).toBe('OversizedDocumentError: expected at most 10000 entries in the archive, got 10001');
  });

  test('of entities is not expanded', async () => {
    const entities = `<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`;
    const data = wordXml(paragraph('&b;')).replace('?>', `?>${entities}`);
    expect(await faultOf(makeDocx('', [{ name: 'word/document.xml', data }]))).toMatch(/^DamagedDocumentError: .*undefined entity/);
  });

  test('of text is read no further than asked for', async () => {
    const answer = await answerOf(makeDocx(paragraph('word '.repeat(20)).repeat(20_000)), { maxCharacters: 1000 });
    expect(answer).toMatchObject({ kind: 'read', reading: { isCut: true } });
    expect(answer.kind === 'read' && answer.reading.text.length).toBeLessThanOrEqual(1000);
  });
});

describe('what is no DOCX is called by its name', () => {
  const office = (type: string) => makeZip([{ name: '[Content_Types].xml', data: `<Types><Override ContentType="application/${type}"/></Types>` }]);
  const declared = (type: string) => makeZip([{ name: 'mimetype', data: type, isStored: true }]);
  test.each([
    ['a PowerPoint presentation (pptx)', office('vnd.openxmlformats-officedocument.presentationml.presentation.main+xml')],
    ['an Excel workbook (xlsx)', office('vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml')],
    ['an OpenDocument text (odt)', declared('application/vnd.oasis.opendocument.text')],
    ['an EPUB book', declared('application/epub+zip')],
    ['a Java archive', makeZip([{ name: 'META-INF/MANIFEST.MF', data: 'x' }])],
    ['a ZIP archive', makeZip([{ name: 'word/document.xml', data: 'x' }])],
    ['an RTF document', Buffer.from('{\\rtf1 hello}')],
    ['an SVG image', Buffer.from('<?xml version="1.0"?>\n<svg xmlns="x"></svg>')],
    ['a PostScript document', Buffer.from('%!PS-Adobe-3.0\n')],
    ['a file of type png (image/png)', Buffer.from('89504e470d0a1a0a0000000d494844520000000100000001080600000000000000', 'hex')],
    ['a Word document of the format before 2007 (doc)', Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(500), Buffer.from('WordDocument', 'utf16le')])],
  ])('%s', async (what, bytes) => expect(await faultOf(bytes)).toBe(`UnsupportedDocumentError: expected PDF, DOCX, HTML, Markdown or plain text, got ${what}`));

  test('an encrypted Office file is an OLE file with an encrypted package', async () => {
    const bytes = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(500), Buffer.from('EncryptedPackage', 'utf16le')]);
    expect(await faultOf(bytes)).toMatch(/^EncryptedDocumentError/);
  });
});
