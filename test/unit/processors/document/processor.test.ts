import { describe, expect, test } from 'vitest';
import { document } from '../../../../processors/document/processor.ts';
import type { ProcessContext } from '../../../../processors/processor.ts';
import type { PageAnswer } from '../../../../shared/http/page-fetcher.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../../shared/limiting/unlimited.ts';
import type { UploadAnswer } from '../../../../shared/uploads.ts';

const read = (fields: Record<string, unknown>) => document.readRow(fields, document.optionsSchema.parse({}));

interface World {
  readonly upload?: UploadAnswer;
  readonly page?: PageAnswer;
  readonly options?: object;
}

/** What the item asked for, and its answer. */
async function work(input: { file?: string; url?: string }, { upload, page, options = {} }: World) {
  const asked: object[] = [];
  const ask = <T>(answer: T | undefined) => async (request: { readonly signal: AbortSignal }): Promise<T> => {
    const { signal: _signal, ...rest } = request;
    asked.push(rest);
    if (!answer) throw new Error('not expected here');
    return answer;
  };
  const context: ProcessContext<ReturnType<typeof document.optionsSchema.parse>> = {
    options: document.optionsSchema.parse(options),
    signal: new AbortController().signal,
    now: () => 0,
    fetchPage: ask(page),
    callApi: NO_APIS_CONFIGURED,
    limiter: UNLIMITED_CALLS,
    readUpload: ask(upload),
  };
  return { answer: await document.process({ line: 1, input }, context), asked };
}

const object = (text: string, contentType = ''): UploadAnswer => ({ kind: 'object', body: Buffer.from(text), contentType });
const page = (text: string): PageAnswer => ({ kind: 'page', url: 'https://a.example/y', status: 200, mediaType: 'text/plain', headers: { 'content-type': 'text/plain' }, body: Buffer.from(text), text: () => text });

describe('rows', () => {
  test('an upload is its key, a page its canonical address', () => {
    expect(read({ file: 'a/b.pdf' })).toEqual({ kind: 'item', input: { file: 'a/b.pdf' }, equalityKey: 'file:a/b.pdf' });
    expect(read({ url: 'HTTPS://a.example/x#y', file: '' })).toEqual({ kind: 'item', input: { url: 'https://a.example/x' }, equalityKey: 'url:https://a.example/x', limitKey: 'host:a.example' });
  });

  test('an address in the place of a key is an address: a line of a txt manifest', () => expect(read({ file: 'https://a.example/x' })).toEqual(read({ url: 'https://a.example/x' })));

  test.each([
    [{}, 'expected a `file` or a `url`, got none'],
    [{ file: 'a.pdf', url: 'https://a.example/' }, 'expected a `file` or a `url`, got both'],
    [{ file: 7 }, 'expected `file` to be a text, got number'],
    [{ file: '../other-tenant/a.pdf' }, 'below the tenant\'s own prefix'],
    [{ file: '/a.pdf' }, 'below the tenant\'s own prefix'],
    [{ file: 'a//b.pdf' }, 'below the tenant\'s own prefix'],
    [{ url: 'ftp://a.example/' }, 'http'],
  ])('%j is invalid', (fields, reason) => expect(read(fields)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining(reason) as string }));
});

describe('an item', () => {
  test('gives what its document says, labelled', async () => {
    const options = { labels: { bill: { any: ['invoice'] } }, defaultLabel: 'other' };
    const { answer, asked } = await work({ file: 'a.txt' }, { upload: object('An invoice'), options });
    expect(answer).toEqual({ verdict: 'succeeded', output: { type: 'text', mediaType: 'text/plain', metadata: { bytes: 10, encoding: 'UTF-8' }, label: 'bill', characters: 10, text: 'An invoice' } });
    expect(asked).toEqual([{ key: 'a.txt', maxBytes: 50 * 1024 * 1024 }]);
  });

  test('that no rule is for gets the default label, or none', async () => {
    const labels = { bill: { any: ['invoice'] } };
    const labelOf = async (options: object) => ((await work({ file: 'a' }, { upload: object('A letter'), options })).answer as { output: object }).output;
    expect(await labelOf({ labels, defaultLabel: 'other' })).toMatchObject({ label: 'other' });
    expect(await labelOf({ labels })).not.toHaveProperty('label');
  });

  test('that was cut says so', async () => expect((await work({ file: 'a' }, { upload: object('abcdef'), options: { maxCharacters: 3 } })).answer).toMatchObject({ output: { text: 'abc', characters: 3, isCut: true } }));

  test('of a page says where it came from, and asks for no more bytes than allowed', async () => {
    const { answer, asked } = await work({ url: 'https://a.example/x' }, { page: page('Hello'), options: { maxBytes: 99 } });
    expect(answer).toMatchObject({ verdict: 'succeeded', output: { metadata: { url: 'https://a.example/y' }, text: 'Hello' } });
    expect(asked).toEqual([{ url: 'https://a.example/x', maxBodyBytes: 99 }]);
  });

  const failed = (name: string, message: RegExp, retryable = false) => ({ verdict: 'failed', error: { name, message: expect.stringMatching(message) as string, retryable } });
  test.each<[string, { file?: string; url?: string }, World, object]>([
    ['without its upload', { file: 'a' }, { upload: { kind: 'missing' } }, failed('MissingDocumentError', /^expected an upload a of this tenant, found none$/)],
    ['above maxBytes', { file: 'a' }, { upload: { kind: 'too large', bytes: 7 }, options: { maxBytes: 5 } }, failed('OversizedDocumentError', /^expected at most 5 bytes, a has 7$/)],
    ['that is nothing to read', { file: 'a' }, { upload: object('\0\x01\x02') }, failed('UnsupportedDocumentError', /bytes of no known type/)],
    ['whose page is too large', { url: 'https://a.example/' }, { page: { kind: 'failed', error: { name: 'BodyTooLargeError', message: 'too much', retryable: false } } }, failed('OversizedDocumentError', /^too much$/)],
    ['whose page fails', { url: 'https://a.example/' }, { page: { kind: 'failed', error: { name: 'ConnectionError', message: 'reset', retryable: true } } }, failed('ConnectionError', /^reset$/, true)],
    ['that robots.txt disallows', { url: 'https://a.example/' }, { page: { kind: 'disallowed' } }, { verdict: 'skipped', reason: 'robots' }],
    ['that a limit holds back', { url: 'https://a.example/' }, { page: { kind: 'held', until: 5, limit: 'host:a.example' } }, { verdict: 'held', until: 5, limit: 'host:a.example' }],
  ])('%s ends so', async (_, input, world, expected) => expect((await work(input, world)).answer).toEqual(expected));
});
