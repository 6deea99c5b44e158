import { randomBytes, randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR_SCOPE } from '../../shared/api-keys.ts';
import { createDynamo } from '../../shared/aws/clients.ts';
import { runPrefix } from '../../shared/names.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { makeKey } from '../support/target-keys.ts';
import { TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

/** Of this file alone: a stack that was there before has runs of others. */
const OWN = `acme-${randomBytes(4).toString('hex')}`;
const FOREIGN = `other-${randomBytes(4).toString('hex')}`;

/** The API as a program uses it: over HTTP, with a key. */
describe('the API', () => {
  let target: Target;
  let client: TargetClient;
  let key: string;
  let foreignKey: string;

  beforeAll(async () => {
    target = await startTarget();
    client = new TargetClient(target);
    key = await makeKey(target, OWN);
    foreignKey = await makeKey(target, FOREIGN);
  });
  afterAll(() => target?.stop());

  const store = (output: string) => createObjectStore(client.s3, client.output(output));

  async function call(method: string, path: string, { body, by = key, headers = {} }: { body?: unknown; by?: string | null; headers?: Record<string, string> } = {}) {
    const response = await fetch(`${target.apiEndpoint}${path}`, { method, headers: { ...(by !== null && { authorization: `Bearer ${by}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers }, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? undefined : JSON.parse(text)) as Record<string, unknown> };
  }

  async function waitUntil(run: unknown, isSo: (run: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (const giveUpAt = Date.now() + 120_000; ; ) {
      const { body } = await call('GET', `/v1/runs/${String(run)}`);
      if (isSo(body)) return body;
      if (Date.now() > giveUpAt) throw new Error(`still ${JSON.stringify(body)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it('takes items, makes a run of them at once, and gives its results when it has finished', async () => {
    const created = await call('POST', '/v1/runs', { body: { processor: 'noop', items: ['one', { value: 'two', id: 'b' }, 'one'] } });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/v1/runs/${created.body['run']}`);
    const done = await waitUntil(created.body['run'], ({ state }) => state === 'finished');
    expect(done).toMatchObject({ processor: 'noop', total: 3, completed: 3, succeeded: 2, skipped: 1, processing: 0, queued: 0, percent: 100, waitsFor: [] });
    const { body } = await call('GET', `/v1/runs/${done['run']}/results?prefix=results/`);
    const rows = await Promise.all((body['files'] as { url: string }[]).map(async ({ url }) => gunzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).toString()));
    expect(rows.join('')).toContain('"id":"b"');
    const { body: list } = await call('GET', '/v1/runs?state=finished&limit=1');
    expect(list['runs']).toMatchObject([{ run: done['run'], state: 'finished', total: 3 }]);
  });

  it('lists a run once, although both the request and the upload\'s event admit it', async () => {
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'noop', items: ['x'] } });
    await waitUntil(body['run'], ({ state }) => state === 'finished');
    const { body: list } = await call('GET', '/v1/runs?limit=100');
    expect((list['runs'] as { run: string }[]).filter(({ run }) => run === body['run'])).toHaveLength(1);
  });

  it('answers the run that an Idempotency-Key made before, and refuses another request with it', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const body = { processor: 'noop', items: ['a', 'b'] };
    const answers = await Promise.all([1, 2, 3, 4].map(() => call('POST', '/v1/runs', { body, headers })));
    const first = answers.find(({ status }) => status === 201)!;
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status } of answers) expect([200, 201, 409]).toContain(status);
    const again = await call('POST', '/v1/runs', { body, headers });
    expect(again).toMatchObject({ status: 200, body: { run: first.body['run'] } });
    expect(await call('POST', '/v1/runs', { body: { ...body, items: ['c'] }, headers })).toMatchObject({ status: 422 });
    const { body: list } = await call('GET', '/v1/runs?processor=noop&limit=100');
    const runs = (list['runs'] as { run: string; total?: number }[]).filter(({ total }) => total === 2);
    expect(runs).toHaveLength(1);
  });

  it('pauses, resumes and cancels', async () => {
    const items = Array.from({ length: 500 }, (_, i) => `item ${i}`);
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'noop', options: { itemsPerBatch: 1 }, items } });
    const run = body['run'] as string;
    await waitUntil(run, ({ total }) => total === 500);
    expect((await call('POST', `/v1/runs/${run}/pause`)).body).toMatchObject({ state: 'paused' });
    expect((await call('POST', `/v1/runs/${run}/resume`)).body['state']).not.toBe('paused');
    expect((await call('POST', `/v1/runs/${run}/cancel`)).status).toBe(200);
    const done = await waitUntil(run, ({ state }) => state === 'finished');
    expect(done).toMatchObject({ stop: { reason: 'cancelled' }, total: 500, completed: 500 });
    expect((done['succeeded'] as number) + (done['skipped'] as number)).toBe(500);
    expect(await call('POST', `/v1/runs/${run}/cancel`)).toMatchObject({ status: 409, body: { retryable: true } });
  });

  it('shows failed items by their error, with samples', async () => {
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'generate', options: { api: 'nobody', model: 'm1' }, items: ['a', 'b', 'c', 'd'] } });
    await waitUntil(body['run'], ({ state }) => state === 'finished');
    const items: unknown[] = [];
    for (let cursor = ''; ; ) {
      const { body: page } = await call('GET', `/v1/runs/${body['run']}/items?verdict=failed&limit=3${cursor}`);
      items.push(...(page['items'] as unknown[]));
      if (page['nextCursor'] === undefined) break;
      cursor = `&cursor=${page['nextCursor']}`;
    }
    expect(items).toMatchObject([{ line: 1, input: { input: 'a' }, error: { name: 'ApiNotConfiguredError' } }, { line: 2 }, { line: 3 }, { line: 4 }]);
    const redriven = await call('POST', `/v1/runs/${body['run']}/redrive`, { body: { errors: ['ApiNotConfiguredError'] } });
    expect(redriven).toMatchObject({ status: 201, body: { redriveOf: body['run'] } });
    expect(await waitUntil(redriven.body['run'], ({ state }) => state === 'finished')).toMatchObject({ total: 4, failed: 4 });
    expect(await call('POST', `/v1/runs/${body['run']}/redrive`, { body: { errors: ['NoSuchError'] } })).toMatchObject({ status: 422 });
    expect((await call('GET', `/v1/runs/${body['run']}/errors`)).body).toMatchObject({ isComplete: true, groups: [{ error: 'ApiNotConfiguredError', count: 4, retryable: false, samples: [{ input: {} }, {}, {}] }] });
  });

  it('shows the items of one host', async () => {
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'llms-txt', options: { retries: 0 }, items: ['http://127.0.0.1:9/a', 'http://127.0.0.2:9/b', 'http://127.0.0.1:9/c'] } });
    await waitUntil(body['run'], ({ state }) => state === 'finished');
    const linesOf = async (host: string) => ((await call('GET', `/v1/runs/${body['run']}/items?host=${host}`)).body['items'] as { line: number }[]).map(({ line }) => line).toSorted();
    expect(await linesOf('127.0.0.1')).toEqual([1, 3]);
    expect(await linesOf('127.0.0.1:9')).toEqual([1, 3]);
    expect(await linesOf('127.0.0.2')).toEqual([2]);
    expect(await linesOf('127.0.0.3')).toEqual([]);
  });

  it("answers another tenant's run as if there were none", async () => {
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'noop', items: ['secret'] } });
    for (const [method, path] of [['GET', ''], ['GET', '/errors'], ['GET', '/results'], ['POST', '/cancel'], ['POST', '/pause'], ['POST', '/resume']] as const) {
      expect(await call(method, `/v1/runs/${body['run']}${path}`, { by: foreignKey })).toMatchObject({ status: 404 });
    }
    expect((await call('GET', '/v1/runs', { by: foreignKey })).body['runs']).toEqual([]);
  });

  it('names every fault of a request with its place, and no stack', async () => {
    expect(await call('POST', '/v1/runs', { body: { processor: 'noop', item: ['a'], options: 7 } })).toMatchObject({
      status: 400,
      body: { title: 'Bad Request', retryable: false, errors: expect.arrayContaining([{ in: 'body', pointer: '/items', detail: expect.any(String) }, { in: 'body', pointer: '/options', detail: expect.any(String) }, { in: 'body', pointer: '/item', detail: 'there is no such field' }]) },
    });
    expect(await call('POST', '/v1/runs', { body: { processor: 'llms-txt', options: { twinz: true }, items: ['https://example.com'] } })).toMatchObject({ status: 400, body: { errors: [{ pointer: '/options' }] } });
    expect(await call('POST', '/v1/runs', { body: { processor: 'no-such', items: ['a'] } })).toMatchObject({ status: 400, body: { errors: [{ pointer: '/processor' }] } });
    expect(await call('GET', '/v1/runs?limit=0')).toMatchObject({ status: 400, body: { errors: [{ in: 'query', pointer: '/limit' }] } });
    expect(await call('GET', '/v1/runs/nonsense')).toMatchObject({ status: 400 });
    expect(await call('GET', '/v1/nothing')).toMatchObject({ status: 404 });
    const wrong = await call('PUT', '/v1/runs', { body: {} });
    expect(wrong).toMatchObject({ status: 405 });
    expect(wrong.headers.get('allow')).toBe('POST, GET');
  });

  it('makes keys, lets an old one go on for a while when it is rotated, and refuses a revoked one at once', async () => {
    const made = await call('POST', '/v1/keys', { body: { name: 'reader', scopes: ['read'] } });
    expect(made).toMatchObject({ status: 201, body: { name: 'reader', scopes: ['read'] } });
    const reader = made.body['key'] as string;
    expect((await call('GET', '/v1/runs', { by: reader })).status).toBe(200);
    expect((await call('POST', '/v1/runs', { by: reader, body: { processor: 'noop', items: ['a'] } })).status).toBe(403);
    const rotated = await call('POST', `/v1/keys/${made.body['id']}/rotate`, { body: { overlapSeconds: 3600 } });
    expect(rotated.status).toBe(201);
    for (const by of [reader, rotated.body['key'] as string]) expect((await call('GET', '/v1/runs', { by })).status).toBe(200);
    expect((await call('DELETE', `/v1/keys/${made.body['id']}`)).status).toBe(204);
    expect((await call('GET', '/v1/runs', { by: reader })).status).toBe(401);
    expect((await call('DELETE', `/v1/keys/${rotated.body['id']}`, { by: foreignKey })).status).toBe(404);
    expect(JSON.stringify((await call('GET', '/v1/keys')).body)).not.toContain('hash');
  });

  it("says what the tenant has, and refuses with a time what its credits do not pay", async () => {
    expect((await call('GET', '/v1/usage')).body).toMatchObject({ paysCredits: false, weight: 1, onFull: 'wait' });
    const access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
    const tenants = createTenantStore(createDynamo(access), client.output('TenantsTable'));
    await tenants.writeSettings(FOREIGN, tenantSettingsSchema.parse({ paysCredits: true, onFull: 'refuse' }));
    const refused = await call('POST', '/v1/runs', { by: foreignKey, body: { processor: 'generate', options: { model: 'm1' }, items: ['a', 'b'] } });
    expect(refused).toMatchObject({ status: 429, body: { retryable: true, detail: expect.stringContaining('expected 50 credits, there are 0') } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await call('GET', '/v1/usage', { by: foreignKey })).body).toMatchObject({ paysCredits: true, onFull: 'refuse' });
  });

  describe("with an operator's key", () => {
    let operator: string;
    beforeAll(async () => {
      operator = await makeKey(target, OWN, [OPERATOR_SCOPE]);
    });
    const host = `${OWN}.example`;

    it('sets limits, shows them, and takes them away', async () => {
      expect(await call('PUT', `/v1/limits/host:${host}`, { by: operator, body: { limit: '5 requests per second, burst 2' } })).toMatchObject({ status: 200, body: { set: { [`host:${host}`]: { units: 5, burst: 2 } } } });
      expect(await call('GET', `/v1/limits/${encodeURIComponent(`host:${host}`)}`, { by: operator })).toMatchObject({ status: 200, body: { key: `host:${host}`, breaker: 'closed' } });
      expect((await call('GET', `/v1/limits?prefix=host:${host}`, { by: operator })).body['limits']).toHaveLength(1);
      const group = `group:${OWN}/a site`.replace(' ', '-');
      expect((await call('PUT', `/v1/limits/${encodeURIComponent(group)}`, { by: operator, body: { limit: '3 requests per minute' } })).status).toBe(200);
      expect(await call('GET', `/v1/limits/${encodeURIComponent(group)}`, { by: operator })).toMatchObject({ status: 200, body: { key: group } });
      for (const key of [`host:${host}`, group]) expect((await call('DELETE', `/v1/limits/${encodeURIComponent(key)}`, { by: operator })).status).toBe(204);
      expect((await call('GET', `/v1/limits/host:${host}`, { by: operator })).status).toBe(404);
    });

    it('sets what a tenant has, and its runs that waited for credits go on', async () => {
      const poor = `poor-${OWN}`;
      const by = await makeKey(target, poor);
      expect(await call('PUT', `/v1/tenants/${poor}`, { by: operator, body: { paysCredits: true, weight: 3 } })).toMatchObject({ status: 200, body: { settings: { weight: 3, onFull: 'wait' } } });
      const { body } = await call('POST', '/v1/runs', { by, body: { processor: 'generate', options: { model: 'm1', api: 'nobody' }, items: ['a', 'b'] } });
      await expect.poll(async () => (await call('GET', `/v1/runs/${String(body['run'])}`, { by })).body['state'], { timeout: 60_000, interval: 200 }).toBe('queued');
      expect((await call('GET', `/v1/tenants/${poor}`, { by: operator })).body).toMatchObject({ tenant: poor, openRuns: 1, queuedRuns: 1 });
      expect(await call('POST', `/v1/tenants/${poor}/credits`, { by: operator, body: { amount: 60, id: 'first' } })).toMatchObject({ status: 200, body: { change: 'added', released: 1, credits: { balance: 10, held: 50 } } });
      expect(await call('POST', `/v1/tenants/${poor}/credits`, { by: operator, body: { amount: 60, id: 'first' } })).toMatchObject({ status: 200, body: { change: 'seen' } });
      await expect.poll(async () => (await call('GET', `/v1/runs/${String(body['run'])}`, { by })).body['state'], { timeout: 60_000, interval: 200 }).toBe('finished');
      expect((await call('GET', '/v1/tenants', { by: operator })).body['tenants']).toContainEqual(expect.objectContaining({ tenant: poor, credits: { balance: 60, held: 0, charged: 0 } }));
      expect((await call('PUT', `/v1/tenants/${poor}`, { by: operator, body: {} })).status).toBe(200);
    });

    it('shows workers, and all of it to Prometheus', async () => {
      const { body } = await call('GET', '/v1/workers', { by: operator });
      expect(body['classes']).toContainEqual({ name: 'standard', window: expect.any(Number), inFlight: expect.any(Number), itemsPerSecond: expect.any(Number) });
      const response = await fetch(`${target.apiEndpoint}/metrics`, { headers: { authorization: `Bearer ${operator}` } });
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      const text = await response.text();
      expect(text).toMatch(/^# TYPE spillway_worker_window_batches gauge$/m);
      expect(text).toMatch(/^spillway_worker_window_batches\{class="standard"\} \d+$/m);
    });
  });

  it('deletes a run at once for everybody, and all that it stored soon', async () => {
    const create = async () => (await call('POST', '/v1/runs', { body: { processor: 'noop', items: ['a', 'b', 'c'] } })).body['run'] as string;
    const [gone, kept] = [await create(), await create()];
    for (const run of [gone, kept]) await waitUntil(run, ({ state }) => state === 'finished');
    const { source, tenant, totals } = (await client.ledger.readRun(gone))!;
    expect((await call('DELETE', `/v1/runs/${gone}`, { by: foreignKey })).status).toBe(404);
    expect((await call('DELETE', `/v1/runs/${gone}`)).status).toBe(204);
    for (const path of ['', '/items', '/results']) expect((await call('GET', `/v1/runs/${gone}${path}`)).status).toBe(404);
    expect((await call('DELETE', `/v1/runs/${gone}`)).status).toBe(404);
    const listed = ((await call('GET', '/v1/runs?limit=100')).body['runs'] as { run: string }[]).map(({ run }) => run);
    expect(listed).not.toContain(gone);
    expect(listed).toContain(kept);
    await expect.poll(() => client.ledger.listOpen(), { timeout: 60_000 }).not.toContainEqual(expect.objectContaining({ run: gone }));
    expect(await target.invoke('EraseRuns', {})).toMatchObject({ failed: 0 });
    expect(await Array.fromAsync(store('ResultsBucket').list(runPrefix(tenant, gone)))).toEqual([]);
    expect(await store('ManifestsBucket').head(source.key, source.version)).toBeUndefined();
    expect(await client.ledger.readShards(gone, Array.from({ length: totals!.shards }, (_, n) => n))).toEqual([]);
    expect((await client.ledger.readDone(gone)).size).toBe(0);
    expect((await call('GET', `/v1/runs/${kept}/results`)).body['files']).toContainEqual(expect.objectContaining({ path: expect.stringMatching(/^results/) }));
  });

  it('starts a run of a manifest in S3: the one that its upload made, and no other tenant\'s', async () => {
    const key = `${OWN}/noop/listed.txt`;
    const run = await client.upload(key, 'one\ntwo\n');
    const started = await call('POST', '/v1/runs', { body: { key } });
    expect(started.body).toMatchObject({ run, processor: 'noop' });
    expect([200, 201]).toContain(started.status);
    expect(await waitUntil(run, ({ state }) => state === 'finished')).toMatchObject({ total: 2 });
    expect(await call('POST', '/v1/runs', { body: { key } })).toMatchObject({ status: 200, body: { run } });
    expect(await call('POST', '/v1/runs', { body: { key }, by: foreignKey })).toMatchObject({ status: 422 });
    expect(await call('POST', '/v1/runs', { body: { key: `${OWN}/noop/none.txt` } })).toMatchObject({ status: 422 });
    expect(await call('POST', '/v1/runs', { body: { key, items: ['a'], processor: 'noop' } })).toMatchObject({ status: 400, body: { errors: [{ pointer: '/key' }] } });
    expect(await call('POST', '/v1/runs', { body: {} })).toMatchObject({ status: 400, body: { errors: [{ pointer: '/items' }] } });
  });

  it('starts a run of an upload, as completing it does', async () => {
    const { body: form } = await call('POST', '/v1/uploads', { body: {} });
    const data = new FormData();
    for (const [name, value] of Object.entries({ ...(form['fields'] as object), key: `${String(form['keyPrefix'])}a.txt` })) data.append(name, value);
    data.append('file', new Blob(['Water runs over the weir.']), 'a.txt');
    await fetch(form['url'] as string, { method: 'POST', body: data });
    const { status, body } = await call('POST', '/v1/runs', { body: { upload: form['upload'], files: 1 } });
    expect(status).toBe(201);
    expect(await call('POST', `/v1/uploads/${String(form['upload'])}/complete`, { body: { files: 1 } })).toMatchObject({ status: 200, body: { run: body['run'] } });
    expect(await waitUntil(body['run'], ({ state }) => state === 'finished')).toMatchObject({ processor: 'document', succeeded: 1 });
  });

  it('does not delete a run that goes on', async () => {
    const { body } = await call('POST', '/v1/runs', { body: { processor: 'noop', items: Array.from({ length: 200 }, (_, i) => `${i}`), options: { itemsPerBatch: 1 } } });
    await call('POST', `/v1/runs/${body['run']}/pause`);
    expect(await call('DELETE', `/v1/runs/${body['run']}`)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('cancel it first') } });
    expect((await call('GET', `/v1/runs/${body['run']}`)).body['state']).toBe('paused');
    await call('POST', `/v1/runs/${body['run']}/cancel`);
  });

  it('says 401 without a key and with one that is none, and how it wants one', async () => {
    for (const by of [null, 'nonsense', `spw_${'a'.repeat(12)}_${'b'.repeat(43)}`]) {
      const answer = await call('GET', '/v1/runs', { by });
      expect(answer).toMatchObject({ status: 401 });
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('answers health and its document to anybody', async () => {
    expect(await call('GET', '/health', { by: null })).toMatchObject({ status: 200, body: { status: 'up', parts: { ledger: 'up', results: 'up', dispatchQueue: 'up', stateMachine: 'up' } } });
    const { body } = await call('GET', '/openapi.json', { by: null });
    expect(body).toMatchObject({ openapi: '3.1.0', paths: { '/v1/runs': { post: { operationId: 'createRun' } } } });
  });
});
