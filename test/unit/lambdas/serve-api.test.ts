import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Operation } from '../../../lambdas/serve-api/operation.ts';
import { OPERATIONS } from '../../../lambdas/serve-api/operations.ts';
import type { ApiPorts } from '../../../lambdas/serve-api/ports.ts';
import { MAX_BODY_BYTES, serveApi } from '../../../lambdas/serve-api/serve-api.ts';
import { noop } from '../../../processors/noop/processor.ts';
import { ALL_SCOPES, createKey, OPERATOR_SCOPE, SCOPES, type KeyRecord, type Scope } from '../../../shared/api-keys.ts';
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

const LIMITS = ['group:acme/site', 'host:a.example', 'host:b.example'].map((key) => ({ key, perMinute: 120, burst: 1, used: 7, throttles: 0, breaker: 'closed' as const }));

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
    erasures: { markDeleted: async () => true },
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
    tenantAdmin: {
      settings: { readSettings: async () => DEFAULT_TENANT_SETTINGS, writeSettings: async () => undefined, listSettings: async () => new Map([['acme', DEFAULT_TENANT_SETTINGS]]) },
      accounts: { read: async () => ({ balance: 5, held: 0, charged: 0 }), add: async ({ amount }) => (amount < -5 ? 'too little' : 'added') },
      room: { read: async () => undefined },
      openRuns: async () => [run],
      release: async () => 0,
      reread: async () => undefined,
    },
    limits: { list: async () => LIMITS, set: async () => [], unset: async ([key]) => key === LIMITS[0]!.key },
    waitsOf: async () => [],
    describeQueue: async () => ({ classes: {}, tenants: [] }),
    probe: async (part) => (broken && part === 'lanes' ? refuse() : undefined),
    clock: () => NOW,
    newId: () => 'id',
    onError: () => undefined,
  };
};

const FORM = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nabc\r\n--x--\r\n';

/** A request that is right, but for who makes it. */
function requestOf({ method, path, id }: Operation, authorization: string | undefined, keyId = 'a'.repeat(12)) {
  const bodies: Record<string, unknown> = { createRun: { processor: 'noop', items: ['a'] }, createKey: { name: 'n', scopes: ['read'] }, rotateKey: {}, redriveRun: {}, createUpload: {}, completeUpload: { processor: 'noop' }, setLimit: { limit: '5 requests per second' }, setTenant: { weight: 3 }, addCredits: { amount: 5, id: 'a' } };
  const isForm = id === 'createDocument';
  return { method, path: path.replace('{run}', OWN).replace('{item}', `${OWN}.1`).replace('{upload}', 'u1').replace('{id}', keyId).replace('{key+}', LIMITS[0]!.key).replace('{tenant}', 'acme'), headers: { ...(isForm && { 'content-type': 'multipart/form-data; boundary=x' }), ...(authorization !== undefined && { authorization: `Bearer ${authorization}` }) }, query: {}, body: isForm ? FORM : bodies[id] === undefined ? undefined : JSON.stringify(bodies[id]) };
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

  it.each(ALL_SCOPES)('with the scope %s alone does what that scope says', async (scope) => {
    const own = makeKey('acme', [scope]);
    const { status } = await serveApi(requestOf(found, own.text, makeKey('acme', ['read']).id), ports());
    if (scope !== found.scope) expect(status).toBe(403);
    else expect([401, 403, 404, 500]).not.toContain(status);
  });

  it('refuses a key that has ended, or whose secret is another one', async () => {
    const { id, text } = makeKey('acme', ALL_SCOPES, NOW);
    expect(await serveApi(requestOf(found, text), ports())).toMatchObject({ status: 401 });
    expect(await serveApi(requestOf(found, `spw_${id}_${'x'.repeat(43)}`), ports())).toMatchObject({ status: 401 });
  });

  it.skipIf(found.scope === OPERATOR_SCOPE)('tells another tenant nothing of what is not its own', async () => {
    const foreign = makeKey('other', SCOPES);
    const answer = await serveApi(requestOf(found, foreign.text, makeKey('acme', ['read']).id), ports());
    if (/\{(?:run|item|id)\}/.test(found.path)) expect(answer).toMatchObject({ status: 404 });
    else expect(answer.body ?? '').not.toMatch(/^create(?:Run|Document)$/.test(found.id) ? /acme/ : new RegExp(`acme|${OWN}`));
  });
});

it("an operator's key is nothing that an administrator of its tenant may end, or make another of", async () => {
  const [admin, operator] = [makeKey('acme', SCOPES), makeKey('acme', ALL_SCOPES)];
  for (const id of ['rotateKey', 'revokeKey']) {
    const found = OPERATIONS.find((each) => each.id === id)!;
    expect(await serveApi(requestOf(found, admin.text, operator.id), ports())).toMatchObject({ status: 403 });
    expect([201, 204]).toContain((await serveApi(requestOf(found, operator.text, operator.id), ports())).status);
  }
  const create = OPERATIONS.find(({ id }) => id === 'createKey')!;
  expect(await serveApi({ ...requestOf(create, admin.text), body: JSON.stringify({ name: 'n', scopes: [OPERATOR_SCOPE] }) }, ports())).toMatchObject({ status: 400 });
});

describe('the limits of the stack', () => {
  const ask = async (method: string, path: string, body?: object) => {
    const { status, body: text } = await serveApi({ method, path, headers: { authorization: `Bearer ${makeKey('acme', [OPERATOR_SCOPE]).text}` }, query: {}, body: body && JSON.stringify(body) }, ports());
    return { status, body: text === undefined ? undefined : JSON.parse(text) };
  };

  it.each(['group:acme/site', 'group%3Aacme%2Fsite', 'group:acme%2Fsite'])('are found by a key with a slash, however it is written (%s)', async (key) => {
    expect(await ask('GET', `/v1/limits/${key}`)).toMatchObject({ status: 200, body: { key: 'group:acme/site', used: 7 } });
  });

  it('are listed page by page', async () => {
    const send = async (query: Record<string, string>) => JSON.parse((await serveApi({ method: 'GET', path: '/v1/limits', headers: { authorization: `Bearer ${makeKey('acme', [OPERATOR_SCOPE]).text}` }, query, body: undefined }, ports())).body!);
    const first = await send({ limit: '2' });
    expect(first.limits.map(({ key }: { key: string }) => key)).toEqual(['group:acme/site', 'host:a.example']);
    expect(await send({ limit: '2', cursor: first.nextCursor })).toEqual({ limits: [expect.objectContaining({ key: 'host:b.example' })] });
    expect((await send({ prefix: 'host:' })).limits).toHaveLength(2);
  });

  it('are set in words, and a sentence that means nothing is refused with its place', async () => {
    expect(await ask('PUT', '/v1/limits/api:openai:m', { limit: '450 requests and 450,000 tokens per minute' })).toMatchObject({ status: 200, body: { set: { 'api:openai:m:requests': { units: 450 }, 'api:openai:m:tokens': { units: 450_000 } } } });
    expect(await ask('PUT', '/v1/limits/host:a.example', { limit: 'not much' })).toMatchObject({ status: 400, body: { errors: [{ in: 'body', pointer: '/limit' }] } });
    expect(await ask('PUT', '/v1/limits/host:a.example', { limit: '5 tokens per second' })).toMatchObject({ status: 400 });
  });

  it('that are not there are not found', async () => {
    expect(await ask('GET', '/v1/limits/host:c.example')).toMatchObject({ status: 404 });
    expect(await ask('DELETE', '/v1/limits/host:c.example')).toMatchObject({ status: 404 });
    expect(await ask('GET', '/v1/limits/nothing')).toMatchObject({ status: 400 });
  });
});

it("what a tenant has not cannot be taken from it, and credits are nobody's in general", async () => {
  const give = (tenant: string, amount: number) => serveApi({ method: 'POST', path: `/v1/tenants/${tenant}/credits`, headers: { authorization: `Bearer ${makeKey('acme', [OPERATOR_SCOPE]).text}` }, query: {}, body: JSON.stringify({ amount, id: 'a' }) }, ports());
  expect(await give('acme', -6)).toMatchObject({ status: 409 });
  expect(await give('*', 6)).toMatchObject({ status: 409 });
  expect(await give('acme', 6)).toMatchObject({ status: 200 });
});

it('the health is that of each part, and says when to ask again', async () => {
  const ask = () => serveApi({ method: 'GET', path: '/health', headers: {}, query: {}, body: undefined }, ports());
  expect(JSON.parse((await ask()).body!)).toMatchObject({ status: 'up', parts: { ledger: 'up', lanes: 'up', stateMachine: 'up' } });
  broken = true;
  const answer = await ask();
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
  expect(JSON.parse(answer.body!)).toMatchObject({ status: 'down', parts: { ledger: 'up', lanes: 'down' } });
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
