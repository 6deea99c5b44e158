import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Operation } from '../../../lambdas/serve-api/operation.ts';
import { OPERATIONS } from '../../../lambdas/serve-api/operations.ts';
import type { ApiPorts } from '../../../lambdas/serve-api/ports.ts';
import { MAX_BODY_BYTES, serveApi } from '../../../lambdas/serve-api/serve-api.ts';
import { noop } from '../../../processors/noop/processor.ts';
import { createKey, SCOPES, type KeyRecord, type Scope } from '../../../shared/api-keys.ts';
import { runIdOf } from '../../../shared/names.ts';
import { DEFAULT_TENANT_SETTINGS } from '../../../shared/tenant-settings.ts';
import { aRun } from '../../support/ledger-fixtures.ts';

const NOW = 1_790_000_000_000;
const OWN = `r${'a'.repeat(25)}`;
const keys = new Map<string, KeyRecord>();
/** Run -> its tenant. */
const admitted = new Map<string, string>();
let broken = false;

const makeKey = (tenant: string, scopes: readonly Scope[], expiresAt?: number): { readonly id: string; readonly text: string } => {
  const { record, text } = createKey({ tenant, scopes, name: 'test', createdAt: NOW, ...(expiresAt !== undefined && { expiresAt }) }, randomBytes);
  keys.set(record.id, record);
  return { id: record.id, text };
};

const ports = (): ApiPorts => {
  const run = aRun({ run: OWN, tenant: 'acme', state: 'open' });
  const refuse = (): never => {
    throw new Error('a fault with a secret in it');
  };
  return {
    keys: { read: async (id) => keys.get(id), list: async (tenant) => [...keys.values()].filter((key) => key.tenant === tenant), write: async (record) => void keys.set(record.id, record), remove: async ({ id }) => void keys.delete(id) },
    newKey: (of) => createKey(of, randomBytes),
    ledger: { readRun: async (id) => (broken ? refuse() : id === OWN ? run : admitted.has(id) ? { ...run, run: id, tenant: admitted.get(id)! } : undefined), readShards: async () => [], listRuns: async (tenant) => (tenant === 'acme' ? [run] : []) },
    control: { cancel: async () => run, pause: async () => run, resume: async () => run, restart: async () => run },
    results: { head: async () => undefined, open: async () => undefined } as unknown as ApiPorts['results'],
    manifests: { bucket: 'manifests', head: async () => undefined },
    signResult: async (key) => `https://signed.test/${key}`,
    upload: async ({ key }) => ({ bucket: 'manifests', key, version: 'v1', bytes: 1, etag: 'e' }),
    admit: async ({ source }) => {
      admitted.set(runIdOf(source), source.key.split('/')[0]!);
      return { kind: 'started', run: runIdOf(source) };
    },
    uploads: { list: async function* (prefix: string) { if (prefix.startsWith('acme/')) yield { key: `${prefix}a.txt`, bytes: 1 }; }, open: async () => undefined, head: async () => undefined, write: async () => undefined },
    signForm: async ({ keyPrefix }) => ({ url: 'https://signed.test/', fields: { key: keyPrefix } }),
    submissions: { take: async (_, submission) => ({ isMine: true, submission }), takeOver: async () => false, settle: async () => undefined },
    tenants: { readSettings: async () => DEFAULT_TENANT_SETTINGS },
    accounts: { read: async () => undefined },
    room: { read: async () => undefined },
    limitPerSecond: async () => undefined,
    findProcessor: (name) => (name === 'noop' || name === 'document' ? { ...noop, name } : undefined),
    waitsOf: async () => [],
    describeQueue: async () => ({ classes: {}, tenants: [] }),
    clock: () => NOW,
    newId: () => 'id',
    onError: () => undefined,
  };
};

const FORM = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--\r\n';

/** A request that is right, but for who makes it. */
function requestOf({ method, path, id }: Operation, authorization: string | undefined, keyId = 'a'.repeat(12)) {
  const bodies: Record<string, unknown> = { createRun: { processor: 'noop', items: ['a'] }, createKey: { name: 'n', scopes: ['read'] }, rotateKey: {}, redriveRun: {}, createUpload: {}, completeUpload: { processor: 'noop' } };
  const isForm = id === 'createDocument';
  return { method, path: path.replace('{run}', OWN).replace('{item}', `${OWN}.1`).replace('{upload}', 'u1').replace('{id}', keyId), headers: { ...(isForm && { 'content-type': 'multipart/form-data; boundary=x' }), ...(authorization !== undefined && { authorization: `Bearer ${authorization}` }) }, query: {}, body: isForm ? FORM : bodies[id] === undefined ? undefined : JSON.stringify(bodies[id]) };
}

beforeEach(() => {
  keys.clear();
  broken = false;
});

const guarded = OPERATIONS.filter(({ scope }) => scope !== undefined);

describe.each(guarded.map((found) => [`${found.method} ${found.path}`, found] as const))('%s', (_, found) => {
  it('wants a key', async () => {
    expect(await serveApi(requestOf(found, undefined), ports())).toMatchObject({ status: 401 });
  });

  it.each(SCOPES)('with the scope %s alone does what that scope says', async (scope) => {
    const own = makeKey('acme', [scope]);
    const { status } = await serveApi(requestOf(found, own.text, makeKey('acme', ['read']).id), ports());
    if (scope !== found.scope) expect(status).toBe(403);
    else expect([401, 403, 404, 500]).not.toContain(status);
  });

  it('refuses a key that has ended, or whose secret is another one', async () => {
    const { id, text } = makeKey('acme', SCOPES, NOW);
    expect(await serveApi(requestOf(found, text), ports())).toMatchObject({ status: 401 });
    expect(await serveApi(requestOf(found, `spw_${id}_${'x'.repeat(43)}`), ports())).toMatchObject({ status: 401 });
  });

  it('tells another tenant nothing of what is not its own', async () => {
    const foreign = makeKey('other', SCOPES);
    const answer = await serveApi(requestOf(found, foreign.text, makeKey('acme', ['read']).id), ports());
    if (/\{(?:run|item|id)\}/.test(found.path)) expect(answer).toMatchObject({ status: 404 });
    else expect(answer.body ?? '').not.toMatch(/^create(?:Run|Document)$/.test(found.id) ? /acme/ : new RegExp(`acme|${OWN}`));
  });
});

it('only the health check and the document are open to anybody', () => {
  expect(OPERATIONS.filter(({ scope }) => scope === undefined).map(({ path }) => path)).toEqual(['/health', '/openapi.json']);
});

describe('a request', () => {
  const createRun = OPERATIONS.find(({ id }) => id === 'createRun')!;
  const send = (more: object) => serveApi({ ...requestOf(createRun, makeKey('acme', ['submit']).text), ...more }, ports());
  const problemOf = ({ body = '' }: { body?: string }): unknown => JSON.parse(body);

  it('of more than 5 MB is too large, and is told where larger work goes', async () => {
    const answer = await send({ body: JSON.stringify({ processor: 'noop', items: ['x'.repeat(MAX_BODY_BYTES)] }) });
    expect(answer.status).toBe(413);
    expect(problemOf(answer)).toMatchObject({ detail: expect.stringContaining('upload') });
  });

  it('with a broken body, or one that is no JSON by its type, says so', async () => {
    expect(problemOf(await send({ body: '{"items":' }))).toMatchObject({ status: 400, errors: [{ in: 'body', pointer: '' }] });
    const { headers } = requestOf(createRun, makeKey('acme', ['submit']).text);
    expect(await send({ headers: { ...headers, 'content-type': 'text/csv' } })).toMatchObject({ status: 415 });
  });

  it('that meets a fault of the stack gets a 500 that says nothing of it', async () => {
    broken = true;
    const show = OPERATIONS.find(({ id }) => id === 'showRun')!;
    const answer = await serveApi(requestOf(show, makeKey('acme', ['read']).text), ports());
    expect(problemOf(answer)).toMatchObject({ status: 500, retryable: true });
    expect(answer.body).not.toContain('secret');
  });
});

it('the document has every operation once, each with a schema of its answer and of every problem', async () => {
  const { body = '' } = await serveApi({ method: 'GET', path: '/openapi.json', headers: {}, query: {}, body: undefined }, ports());
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content?: object }> }>> };
  const described = Object.values(paths).flatMap((methods) => Object.values(methods));
  expect(described.map(({ operationId }) => operationId).toSorted()).toEqual(OPERATIONS.map(({ id }) => id).toSorted());
  for (const { responses } of described) for (const [status, { content }] of Object.entries(responses)) expect(status === '204' ? {} : content, status).toBeDefined();
});
