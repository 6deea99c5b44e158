import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DOCUMENT_ERRORS } from '../../processors/document/document-faults.ts';
import type { DocumentAnswer } from '../../processors/document/document-reading.ts';
import { labelDocument } from '../../processors/document/label-document.ts';
import { optionsSchema } from '../../processors/document/options.ts';
import { readDocument } from '../../processors/document/read-document.ts';
import { createUploadReader, uploadKeyFault } from '../../shared/uploads.ts';
import { makeDocx, makePdf, makeZip, paragraph, showText } from '../support/documents.ts';

const MAX_CHARACTERS = 40;
const read = (body: Uint8Array): Promise<DocumentAnswer> => readDocument({ body, contentType: '', options: optionsSchema.parse({ maxCharacters: MAX_CHARACTERS, maxPages: 20 }) });

/** What is wrong with the end of a document: nothing, if it has one verdict, in bounds, and the same one for the same bytes. */
async function faultsOfEnd(bytes: Uint8Array): Promise<string[]> {
  const before = Buffer.from(bytes);
  const answer = await read(bytes);
  const again = await read(bytes);
  const rules = {
    'the same bytes have the same end': isDeepStrictEqual(answer, again),
    'the bytes are left alone': Buffer.compare(before, bytes) === 0,
    'the end is JSON': isDeepStrictEqual(JSON.parse(JSON.stringify(answer)), answer),
    'an error is one of the known': answer.kind === 'read' || answer.name in DOCUMENT_ERRORS,
    'a text has characters, and not too many': answer.kind === 'fault' || (answer.reading.text.length > 0 && answer.reading.text.length <= MAX_CHARACTERS),
    'a text is well-formed': answer.kind === 'fault' || answer.reading.text.isWellFormed(),
  };
  return Object.entries(rules).flatMap(([rule, holds]) => (holds ? [] : [rule]));
}

/** Beginnings that send bytes down each way. */
const BEGINNINGS = ['', '%PDF-1.7\n', 'PK\x03\x04', 'PK\x05\x06', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', '\xff\xfe', '\xfe\xff', '<!doctype html><p>', '<?xml version="1.0"?><html>', '{\\rtf', '# a\n- b\n', '\x89PNG\r\n\x1a\n'].map((text) => Buffer.from(text, 'latin1'));

const WHOLE = [
  makePdf({ pages: [showText('one'), showText('two')], info: '/Title(T)' }),
  makeDocx(paragraph('one') + paragraph('two'), [{ name: 'docProps/core.xml', data: '<c:p xmlns:c="c" xmlns:d="d"><d:title>T</d:title></c:p>' }]),
  makeZip([{ name: '[Content_Types].xml', data: 'wordprocessingml.document.main', isStored: true }, { name: 'word/document.xml', data: '<w:p xmlns:w="w"><w:t>a</w:t></w:p>', isStored: true }]),
  Buffer.from('<html><head><title>T</title></head><body><main><p>one <b>two</b></p></main></body></html>'),
];

interface Damage {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly cut: number;
}

/** Bytes replaced at some places, and the end cut off at times; places are shares of the length. */
function damage(whole: Buffer, damages: readonly Damage[]): Buffer {
  let bytes = Buffer.from(whole);
  for (const { at, bytes: other, cut } of damages) {
    const start = Math.floor(at * bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, start), other, bytes.subarray(Math.min(bytes.length, start + other.length + cut))]);
  }
  return bytes;
}

describe('a document', () => {
  it('of any bytes ends with one verdict', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...BEGINNINGS), fc.uint8Array({ maxLength: 400 }), async (beginning, bytes) => {
        expect(await faultsOfEnd(Buffer.concat([beginning, bytes]))).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });

  it('that was damaged anywhere ends with one verdict', async () => {
    const damages = fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), bytes: fc.uint8Array({ maxLength: 6 }), cut: fc.oneof(fc.constant(0), fc.nat(300)) }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...WHOLE), damages, async (whole, places) => {
        expect(await faultsOfEnd(damage(whole, places))).toEqual([]);
      }),
      { numRuns: 800 },
    );
  });

  it('of characters gives these characters, whatever they are', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'ä', 'ß', 'ж', 'ק', 'ع', '漢', '😀'), minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 6 }), async (words) => {
        const line = words.join(' ');
        expect(await read(makeDocx(paragraph(line)))).toMatchObject({ reading: { type: 'docx', text: line } });
        expect(await read(Buffer.from(line))).toMatchObject({ reading: { type: 'text', text: line } });
      }),
    );
  });
});

describe('labels', () => {
  const WORDS = ['cat', 'Dog', 'fisch', 'жук', 'été'];
  const words = fc.array(fc.constantFrom(...WORDS, 'cats', 'dog', 'CAT', 'undogged'), { maxLength: 8 });
  const keywords = fc.option(fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }), { nil: undefined });
  const rule = fc.record({ any: keywords, all: keywords, none: keywords, in: fc.constantFrom('text', 'title', 'both') }).filter(({ any, all, none }) => (any ?? all ?? none) !== undefined);
  const rules = fc.dictionary(fc.constantFrom('a', 'b', 'c', '2'), rule, { minKeys: 1 });

  /** By lists of words, without a pattern. */
  function expectedLabel(title: readonly string[], text: readonly string[], parsed: ReturnType<typeof parse>): string | undefined {
    const ranked = Object.entries(parsed).flatMap(([label, { any = [], all = [], none = [], in: place }]) => {
      const there = [...(place === 'text' ? [] : title), ...(place === 'title' ? [] : text)].map((word) => word.toLowerCase());
      const count = (keyword: string) => there.filter((word) => word === keyword.toLowerCase()).length;
      const fits = none.every((keyword) => count(keyword) === 0) && all.every((keyword) => count(keyword) > 0) && (any.length === 0 || any.some((keyword) => count(keyword) > 0));
      const counts = [...any, ...all].map(count).filter((times) => times > 0);
      return fits ? [{ label, rank: [-counts.length, -counts.reduce((a, b) => a + b, 0)] as const }] : [];
    });
    return ranked.toSorted((a, b) => a.rank[0] - b.rank[0] || a.rank[1] - b.rank[1] || (a.label < b.label ? -1 : 1))[0]?.label;
  }
  const parse = (labels: object) => optionsSchema.parse({ labels }).labels!;

  it('are those that counting words gives', () => {
    fc.assert(
      fc.property(words, words, rules, (title, text, labels) => {
        const parsed = parse(labels);
        expect(labelDocument({ title: title.join(', '), text: text.join('\n') }, parsed)).toBe(expectedLabel(title, text, parsed));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('keys of uploads', () => {
  const part = fc.oneof(fc.constantFrom('..', '.', '', 'a', 'b.pdf', '...', '%2e%2e', '\\..'), fc.string({ unit: 'binary', maxLength: 4 }));
  const key = fc.array(part, { maxLength: 5 }).map((parts) => parts.join('/'));

  it('that are allowed stay below the prefix of their tenant, however they are read', async () => {
    const { signal } = new AbortController();
    const opened: string[] = [];
    const store = { open: async (name: string) => void opened.push(name) } as never;
    await fc.assert(
      fc.asyncProperty(key, async (text) => {
        opened.length = 0;
        const answer = await createUploadReader(store, 'ann')({ key: text, maxBytes: 1, signal }).catch((error: Error) => error.name);
        if (uploadKeyFault(text) === undefined) {
          expect(opened).toEqual([posix.normalize(`ann/${text}`)]);
          expect(opened[0]!.startsWith('ann/')).toBe(true);
        } else expect([answer, opened]).toEqual(['UploadsRefusedError', []]);
      }),
      { numRuns: 3000 },
    );
  });
});
