import { describe, expect, it } from 'vitest';
import { createClient, eachOf, SpillwayApiError, type SpillwayClient } from '../../../client/spillway-client.ts';
import { OPERATIONS } from '../../../lambdas/serve-api/operations.ts';

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}
type Answer = Error | { readonly status: number; readonly body?: object; readonly headers?: Record<string, string> };

/** A client whose API gives these answers, the last one for ever. */
function clientOf(...answers: readonly Answer[]) {
  const sent: Sent[] = [];
  const slept: number[] = [];
  const fake = async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname, search } = new URL(url);
    sent.push({ method: init.method!, path: pathname + search, headers: new Headers(init.headers), body: typeof init.body === 'string' ? init.body : '' });
    const answer = answers[Math.min(sent.length, answers.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return new Response(answer.body === undefined ? null : JSON.stringify(answer.body), { status: answer.status, headers: answer.headers ?? {} });
  };
  const client = createClient({ url: 'https://api.test/prod/', key: 'spw_k', fetch: fake as typeof fetch, sleep: async (ms) => void slept.push(ms), random: () => 0.5 });
  return { client, sent, slept };
}

const OK: Answer = { status: 200, body: {} };
const CALLS: { readonly [Name in keyof SpillwayClient]: (client: SpillwayClient) => Promise<unknown> } = {
  createRun: (client) => client.createRun({ processor: 'noop', items: ['a'] }),
  listRuns: (client) => client.listRuns({ state: 'finished', limit: 3 }),
  showRun: (client) => client.showRun('r1'),
  cancelRun: (client) => client.cancelRun('r1'),
  pauseRun: (client) => client.pauseRun('r1'),
  resumeRun: (client) => client.resumeRun('r1'),
  redriveRun: (client) => client.redriveRun('r1', { retryableOnly: true }),
  listItems: (client) => client.listItems('r1', { verdict: 'failed' }),
  listErrors: (client) => client.listErrors('r1'),
  listResults: (client) => client.listResults('r1'),
  createUpload: (client) => client.createUpload(),
  completeUpload: (client) => client.completeUpload('u1'),
  createDocument: (client) => client.createDocument(new Blob(['a']), 'a.txt', { options: { maxPages: 1 } }),
  showItem: (client) => client.showItem('r1.1'),
  explainItem: (client) => client.explainItem('r1.1'),
  deleteRun: (client) => client.deleteRun('r1'),
  showQueue: (client) => client.showQueue(),
  showUsage: (client) => client.showUsage(),
  createKey: (client) => client.createKey({ name: 'n', scopes: ['read'] }),
  listKeys: (client) => client.listKeys(),
  rotateKey: (client) => client.rotateKey('k1'),
  revokeKey: (client) => client.revokeKey('k1'),
  showWorkers: (client) => client.showWorkers(),
  listLimits: (client) => client.listLimits({ prefix: 'host:' }),
  showLimit: (client) => client.showLimit('k1'),
  setLimit: (client) => client.setLimit('k1', '2 requests per second'),
  unsetLimit: (client) => client.unsetLimit('k1'),
  listTenants: (client) => client.listTenants(),
  showTenant: (client) => client.showTenant('t1'),
  setTenant: (client) => client.setTenant('t1', { weight: 2 }),
  addCredits: (client) => client.addCredits('t1', { amount: 5, id: 'a' }),
  showMetrics: (client) => client.showMetrics(),
  health: (client) => client.health(),
};

describe('the client', () => {
  const working = OPERATIONS.filter(({ id }) => id !== 'openApi');

  it('has a method for every operation of the document', () => {
    expect(Object.keys(CALLS).toSorted()).toEqual(working.map(({ id }) => id).toSorted());
  });

  it.each(working.map(({ id, method, path }) => [id, method, path]))('%s is %s %s, with the key', async (id, method, path) => {
    const { client, sent } = clientOf(OK);
    await CALLS[id as keyof SpillwayClient](client);
    expect(sent[0]!.method).toBe(method);
    expect(sent[0]!.path.split('?')[0]).toMatch(new RegExp(`^/prod${path.replaceAll(/\{\w+\+?\}/g, '[a-z]1(?:\\.1)?')}$`));
    expect(sent[0]!.headers.get('authorization')).toBe('Bearer spw_k');
  });

  it('sends the same Idempotency-Key with each try of a run, and another with each run', async () => {
    const { client, sent } = clientOf(new Error('reset'), { status: 503 }, { status: 201, body: { run: 'r1' } });
    expect(await client.createRun({ processor: 'noop', items: ['a'] })).toEqual({ run: 'r1' });
    await client.createRun({ processor: 'noop', items: ['a'] });
    const keys = sent.map(({ headers }) => headers.get('idempotency-key'));
    expect(keys).toEqual([keys[0], keys[0], keys[0], keys[3]]);
    expect(keys[3]).not.toBe(keys[0]);
  });

  it('waits as long as it is told to, and otherwise longer each time', async () => {
    const { client, slept } = clientOf({ status: 429, headers: { 'retry-after': '7' } }, { status: 500 }, { status: 500 }, OK);
    await client.showRun('r1');
    expect(slept).toEqual([7000, 400, 800]);
  });

  it('leaves a long wait, and what will not pass, to its caller', async () => {
    const busy = clientOf({ status: 429, body: { detail: 'too many wait', retryable: true }, headers: { 'retry-after': '600' } });
    await expect(busy.client.showRun('r1')).rejects.toMatchObject({ name: 'SpillwayApiError', message: 'too many wait', status: 429, retryAfterSeconds: 600, retryable: true });
    const wrong = clientOf({ status: 400, body: { detail: 'a fault', retryable: false, errors: [{ in: 'body', pointer: '/items', detail: 'none' }] } });
    await expect(wrong.client.createRun({ processor: 'noop', items: [] })).rejects.toMatchObject({ faults: [{ pointer: '/items' }] });
    const ended = clientOf({ status: 409, body: { detail: 'it has ended', retryable: true } });
    await expect(ended.client.cancelRun('r1')).rejects.toMatchObject({ status: 409 });
    expect([busy, wrong, ended].map(({ sent }) => sent.length)).toEqual([1, 1, 1]);
  });

  it('does nothing twice that would be there twice', async () => {
    const { client, sent } = clientOf({ status: 502 });
    for (const call of [client.redriveRun('r1'), client.createKey({ name: 'n', scopes: ['read'] }), client.rotateKey('k1')]) await expect(call).rejects.toBeInstanceOf(SpillwayApiError);
    expect(sent).toHaveLength(3);
  });

  it('gives up after five tries, and says what was in the way', async () => {
    const { client, sent } = clientOf(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') }));
    await expect(client.health()).rejects.toThrow('expected an answer of https://api.test, got none: connect ECONNREFUSED');
    expect(sent).toHaveLength(5);
  });

  it('walks a list page after page', async () => {
    const { client, sent } = clientOf({ status: 200, body: { files: [{ path: 'a' }, { path: 'b' }], nextCursor: 'two' } }, { status: 200, body: { files: [{ path: 'c' }] } });
    const paths: string[] = [];
    for await (const { path } of eachOf('files', (query) => client.listResults('r1', query))) paths.push(path);
    expect(paths).toEqual(['a', 'b', 'c']);
    expect(sent[1]!.path).toContain('cursor=two');
  });
});
