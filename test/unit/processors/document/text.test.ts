import { describe, expect, test } from 'vitest';
import { faultOf, readingOf } from './read.ts';

describe('the type of a text', () => {
  const README = '<p align="center"><img src="x.png"></p>\n\n# Spillway\n\nSome **bold** words.\n';
  test.each([
    ['html', '<!DOCTYPE html><title>T</title><p>Hello there</p>'],
    ['html', '\n\n<HTML><body>Hello</body></HTML>'],
    ['html', '<!-- made by hand --><p>Hello</p>'],
    ['html', '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Hello</p></body></html>'],
    ['markdown', '# Title\n\nText with a [link](https://a.example/).\n'],
    ['markdown', README],
    ['markdown', '| a | b |\n| --- | --- |\n\n- one\n- two\n'],
    ['text', 'Shopping\n- milk\n- bread\n'],
    ['text', 'name,age\nAnn,30\n'],
    ['text', '{"a": 1}'],
    ['text', '<rss version="2.0"><channel/></rss>'],
    ['text', 'Hello'],
  ])('is %s for %j', async (type, text) => expect((await readingOf(text)).type).toBe(type));

  test('a name or a media type says nothing', async () => expect((await readingOf('Hello', {}, 'text/html')).type).toBe('text'));
});

describe('encodings', () => {
  test.each([
    ['UTF-8', Buffer.from('Größe')],
    ['UTF-8', Buffer.from('\uFEFFGröße')],
    ['UTF-16LE', Buffer.from('\uFEFFGröße', 'utf16le')],
    ['UTF-16BE', Buffer.from('\uFEFFGröße', 'utf16le').swap16()],
    ['windows-1252', Buffer.from('Größe', 'latin1')],
  ])('%s is known', async (encoding, bytes) => expect(await readingOf(bytes)).toMatchObject({ text: 'Größe', metadata: { encoding } }));

  const KANJI = Buffer.from('96bc914f2c8f5a8f8a', 'hex');
  test('Shift_JIS is known by bytes that windows-1252 has no letters for', async () => expect(await readingOf(KANJI)).toMatchObject({ text: '名前,住所', metadata: { encoding: 'Shift_JIS' } }));
  test('what the upload was stored with decides', async () => expect((await readingOf(Buffer.from('f7e9', 'hex'), {}, 'text/plain; charset=koi8-r')).text).toBe('ВИ'));
});

describe('text', () => {
  test('has no control characters, no blanks at the ends of lines and no runs of empty lines', async () => expect((await readingOf('a  \r\n\r\n\n\nb\u0085c\u007F\td\f\n')).text).toBe('a\n\nb\nc\td'));

  test('is cut between characters', async () => {
    expect(await readingOf('ab😀cd', { maxCharacters: 3 })).toMatchObject({ text: 'ab', isCut: true });
    expect(await readingOf('ab😀cd', { maxCharacters: 6 })).toMatchObject({ text: 'ab😀cd', isCut: false });
  });

  test('of blanks takes no longer than other text', async () => expect((await readingOf(`a${' '.repeat(3_000_000)}b`, { maxCharacters: 2_000_000 })).isCut).toBe(true));

  test('of blanks alone is empty', async () => expect(await faultOf(' \n\t')).toBe('EmptyDocumentError: expected text, got none from the text document'));
  test('of no bytes is empty', async () => expect(await faultOf('')).toBe('EmptyDocumentError: expected a document, got 0 bytes'));
});

describe('HTML', () => {
  test('is its main content as Markdown, without links that lead nowhere', async () => {
    const html = '<html lang="en"><head><title>A title</title><meta name="description" content="About"></head><body><nav><a href="/">Home</a></nav><main><h1>Head</h1><p>See <a href="other.html">other</a> and <a href="https://a.example/">this</a>.</p></main></body></html>';
    expect(await readingOf(html)).toMatchObject({
      mediaType: 'text/html',
      title: 'A title',
      language: 'en',
      metadata: { description: 'About', encoding: 'UTF-8' },
      text: '# Head\n\nSee other and [this](https://a.example/).',
    });
  });

  test('above 5 MiB is data', async () => expect(await faultOf(`<!doctype html><p>${'x'.repeat(5 * 1024 * 1024)}`)).toMatch(/^OversizedDocumentError: expected at most 5242880 bytes of HTML/));

  test('of a thousand elements within each other is read without judging what frames it', async () => expect((await readingOf(`<html><body>${'<div>x'.repeat(1000)}</body></html>`)).text).toContain('x'));
});

test("a Markdown text's title is its first heading", async () => expect((await readingOf('# The title #\n\n## Part\n\n- a\n- b\n')).title).toBe('The title'));
