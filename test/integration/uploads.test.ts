import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../support/target-keys.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

const FOLDER = new URL('../../../shared/data/documents/', import.meta.url);
/** Errors of the ones that can't be read. */
const FAULTS: Readonly<Record<string, string>> = {
  'unreadablemetadata.pdf': 'DamagedDocumentError',
  'libreoffice-writer-password.pdf': 'EncryptedDocumentError',
  'grayscale-image.pdf': 'EmptyDocumentError',
  'test.pptx': 'UnsupportedDocumentError',
  'test.xlsx': 'UnsupportedDocumentError',
  'random.bin': 'UnsupportedDocumentError',
};

interface Form {
  readonly upload: string;
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly keyPrefix: string;
}
type Json = Record<string, unknown>;

/** Documents as a program brings them: over HTTP, straight into the bucket. */
describe('uploads', () => {
  let target: Target;
  let key: string;
  let foreignKey: string;

  beforeAll(async () => {
    target = await startTarget();
    [key, foreignKey] = [await makeKey(target, `library-${randomBytes(4).toString('hex')}`), await makeKey(target, `other-${randomBytes(4).toString('hex')}`)];
  });
  afterAll(() => target?.stop());

  async function call(method: string, path: string, { body, form, by = key, headers = {} }: { body?: unknown; form?: FormData; by?: string; headers?: Record<string, string> } = {}) {
    const sent = form ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${target.apiEndpoint}${path}`, { method, headers: { authorization: `Bearer ${by}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(sent !== undefined && { body: sent }) });
    return { status: response.status, body: (await response.json()) as Json };
  }

  async function waitFor(path: string, isSo: (body: Json) => boolean): Promise<Json> {
    for (const giveUpAt = Date.now() + 120_000; ; ) {
      const { body } = await call('GET', path);
      if (isSo(body)) return body;
      if (Date.now() > giveUpAt) throw new Error(`still ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  const finished = (run: unknown) => waitFor(`/v1/runs/${String(run)}`, ({ state }) => state === 'finished');

  async function open(body: Json = {}): Promise<Form> {
    const { status, body: form } = await call('POST', '/v1/uploads', { body });
    expect(status).toBe(201);
    return form as unknown as Form;
  }

  async function send({ url, fields, keyPrefix }: Form, path: string, bytes: Uint8Array<ArrayBuffer>, prefix = keyPrefix): Promise<number> {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, key: prefix + path })) form.append(name, value);
    form.append('file', new Blob([bytes]), 'file');
    const { status } = await fetch(url, { method: 'POST', body: form });
    return status;
  }

  const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

  describe.skipIf(!existsSync(FOLDER))('of real documents (skipped where the shared data is missing)', () => {
    it('become a run in which each file is one item that is read, or fails with its own error', async () => {
      const names = readdirSync(FOLDER).filter((name) => !name.startsWith('LICENSE') && !name.endsWith('.json'));
      const form = await open();
      for (const name of names) expect(await send(form, name, Uint8Array.from(readFileSync(new URL(name, FOLDER))))).toBe(204);
      expect(await call('POST', `/v1/uploads/${form.upload}/complete`, { body: { files: names.length + 1 } })).toMatchObject({ status: 409, body: { retryable: true } });
      const work = { files: names.length, options: { labels: { stock: { all: ['inventory', 'warehouse'] } }, defaultLabel: 'other' } };
      const { status, body } = await call('POST', `/v1/uploads/${form.upload}/complete`, { body: work });
      expect(status).toBe(201);
      await send(form, 'late.txt', bytesOf('too late'));
      expect(await call('POST', `/v1/uploads/${form.upload}/complete`, { body: work })).toMatchObject({ status: 200, body: { run: body['run'] } });
      expect(await finished(body['run'])).toMatchObject({ processor: 'document', total: names.length, failed: Object.keys(FAULTS).length });
      const ends: Json[] = [];
      for (let cursor = ''; ; ) {
        const { body: page } = await call('GET', `/v1/runs/${String(body['run'])}/items?limit=100${cursor}`);
        ends.push(...(page['items'] as Json[]));
        if (page['nextCursor'] === undefined) break;
        cursor = `&cursor=${String(page['nextCursor'])}`;
      }
      expect(ends.map(({ id }) => id).toSorted()).toEqual(names.toSorted());
      expect(Object.fromEntries(ends.filter(({ verdict }) => verdict === 'failed').map(({ id, error }) => [id, (error as Json)['name']]))).toEqual(FAULTS);
      expect(ends.find(({ id }) => id === 'SPARSE-2024-INV-1234_borderless_table.pdf')).toMatchObject({ output: { type: 'pdf', label: 'stock' } });
    });
  });

  it('store nothing outside their own prefix', async () => {
    const form = await open();
    expect(await send(form, 'a.txt', bytesOf('text'), 'other/')).toBe(403);
    expect(await call('POST', `/v1/uploads/${form.upload}/complete`, { body: {} })).toMatchObject({ status: 422 });
  });

  it('belong to their tenant alone', async () => {
    const form = await open();
    expect(await send(form, 'a.txt', bytesOf('a secret'))).toBe(204);
    expect(await call('POST', `/v1/uploads/${form.upload}/complete`, { body: {}, by: foreignKey })).toMatchObject({ status: 422 });
  });

  it('may hold the manifest of their run, whose rows name files or anything else', async () => {
    const form = await open({ maxFileBytes: 1000 });
    expect(await send(form, 'notes/a.md', bytesOf('# Weirs\n\n- A **weir** holds water back.'))).toBe(204);
    expect(await send(form, 'work.csv', bytesOf(`file,id\n${form.upload}/notes/a.md,first\n${form.upload}/missing.md,second\n,third\n`))).toBe(204);
    expect(await send(form, 'large.txt', new Uint8Array(1001))).toBe(400);
    const { status, body } = await call('POST', `/v1/uploads/${form.upload}/complete`, { body: { manifest: 'work.csv' } });
    expect(status).toBe(201);
    expect(await finished(body['run'])).toMatchObject({ total: 2, succeeded: 1, failed: 1, invalid: 1 });
    expect((await call('GET', `/v1/items/${String(body['run'])}.2`)).body).toMatchObject({ state: 'done', id: 'first', verdict: 'succeeded', output: { title: 'Weirs' } });
    expect((await call('GET', `/v1/items/${String(body['run'])}.3/explain`)).body).toMatchObject({ item: { verdict: 'failed' }, batch: { shard: 0, batch: 0, settlements: 1 }, says: [expect.stringContaining('MissingDocumentError'), expect.stringContaining('1 try')] });
    expect((await call('GET', `/v1/items/${String(body['run'])}.4`)).body).toMatchObject({ state: 'invalid', reason: expect.stringContaining('expected a `file`') });
    expect(await call('GET', `/v1/items/${String(body['run'])}.99`)).toMatchObject({ status: 404 });
    expect(await call('GET', `/v1/items/${String(body['run'])}.2`, { by: foreignKey })).toMatchObject({ status: 404 });
  });

  it('of one document take one call, and the same call again is the same item', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const send = () => {
      const form = new FormData();
      form.append('options', '{"maxCharacters":10}');
      // Bytes that are no text stay what they are.
      form.append('file', new Blob([Buffer.from('caf\u00e9 au lait, and a weir', 'latin1')], { type: 'text/plain; charset=iso-8859-1' }), 'café.txt');
      return call('POST', '/v1/documents', { form, headers });
    };
    const { status, body } = await send();
    expect(status).toBe(201);
    expect(await waitFor(`/v1/items/${String(body['item'])}`, ({ state }) => state === 'done')).toMatchObject({ id: 'café.txt', verdict: 'succeeded', output: { text: 'café au la', isCut: true } });
    expect(await send()).toMatchObject({ status: 200, body });
  });

  it.each([
    ['without a file', (form: FormData) => form.append('options', '{}'), 400, '/file'],
    ['with an empty one', (form: FormData) => form.append('file', new Blob([]), 'a'), 400, '/file'],
    ['with options that are none', (form: FormData) => (form.append('options', '[1]'), form.append('file', new Blob(['a']), 'a')), 400, '/options'],
    ['with options that the processor does not have', (form: FormData) => (form.append('options', '{"pages":1}'), form.append('file', new Blob(['a']), 'a')), 400, '/options'],
    ['of more than 4 MB', (form: FormData) => form.append('file', new Blob([new Uint8Array(4_300_000)]), 'a'), 413, undefined],
  ])('of one document %s are refused with the reason', async (_, build, status, pointer) => {
    const form = new FormData();
    build(form);
    const answer = await call('POST', '/v1/documents', { form });
    expect(answer.status).toBe(status);
    if (pointer !== undefined) expect(answer.body).toMatchObject({ errors: [{ in: 'body', pointer }] });
  });
});
