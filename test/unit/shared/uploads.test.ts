import { describe, expect, test } from 'vitest';
import { BrokenObjectError } from '../../../shared/errors.ts';
import type { ObjectStore } from '../../../shared/ports.ts';
import { createUploadReader, NO_UPLOADS, uploadKeyFault } from '../../../shared/uploads.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

const { signal } = new AbortController();
const CHUNK_BYTES = 10;

function stored(): MemoryObjectStore {
  const store = new MemoryObjectStore('uploads', CHUNK_BYTES);
  store.put('ann/a.txt', Buffer.from("ann's own words"), { contentType: 'text/plain' });
  store.put('bob/secret.txt', Buffer.from("bob's"));
  store.put('ann/empty', Buffer.alloc(0));
  return store;
}

/** As `store`, whose bodies fail as often as given. */
function breaking(store: ObjectStore, times: number, onPull: () => void = () => undefined): ObjectStore {
  let left = times;
  async function* pull(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      onPull();
      yield chunk;
      if (left-- > 0) throw new BrokenObjectError('cut');
    }
  }
  return {
    ...store,
    open: async (key) => {
      const object = await store.open(key);
      return object && { ...object, body: pull(object.body) };
    },
  };
}

describe('an upload', () => {
  const read = createUploadReader(stored(), 'ann');

  test('is read whole, with its media type', async () => expect(await read({ key: 'a.txt', maxBytes: 15, signal })).toEqual({ kind: 'object', body: Buffer.from("ann's own words"), contentType: 'text/plain' }));
  test('may be empty', async () => expect(await read({ key: 'empty', maxBytes: 1, signal })).toMatchObject({ kind: 'object', body: Buffer.alloc(0) }));
  test('that is not there is missing', async () => expect(await read({ key: 'b.txt', maxBytes: 99, signal })).toEqual({ kind: 'missing' }));

  test('above the bound is not read further than its first piece', async () => {
    let pulls = 0;
    const counting = createUploadReader(breaking(stored(), 0, () => pulls++), 'ann');
    expect(await counting({ key: 'a.txt', maxBytes: 14, signal })).toEqual({ kind: 'too large', bytes: 15 });
    expect(pulls).toBe(1);
  });

  test('whose connection breaks is read again, three times in all', async () => {
    expect(await createUploadReader(breaking(stored(), 2), 'ann')({ key: 'a.txt', maxBytes: 99, signal })).toMatchObject({ kind: 'object' });
    await expect(createUploadReader(breaking(stored(), 3), 'ann')({ key: 'a.txt', maxBytes: 99, signal })).rejects.toThrow(BrokenObjectError);
  });

  test('is not read on after the signal', async () => {
    const stop = new AbortController();
    const stopping = createUploadReader(breaking(stored(), 0, () => stop.abort(new Error('over'))), 'ann');
    await expect(stopping({ key: 'a.txt', maxBytes: 99, signal: stop.signal })).rejects.toThrow('over');
  });
});

describe('a key', () => {
  test.each(['a', 'a/b.pdf', 'räksmörgås 1 (2).pdf', '..a', 'a..b', '...', '\\..\\a'])('%j lies below the prefix', (key) => expect(uploadKeyFault(key)).toBeUndefined());

  const REFUSED = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../bob/secret.txt', 'a/../../bob/secret.txt', 'a/..', './a', 'a\u0000b', 'a\nb', '\uD800', 'ä'.repeat(481)];
  test.each(REFUSED)('%j is refused, by the row and by the reader', async (key) => {
    expect(uploadKeyFault(key)).toMatch(/^expected the key of an upload/);
    await expect(createUploadReader(stored(), 'ann')({ key, maxBytes: 99, signal })).rejects.toMatchObject({ name: 'UploadsRefusedError' });
  });
});

test('a worker without uploads says so', async () => {
  await expect(NO_UPLOADS({ key: 'a.txt', maxBytes: 99, signal })).rejects.toMatchObject({ name: 'UploadsRefusedError', message: expect.stringContaining('worker class') as string });
});
