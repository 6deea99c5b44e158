import { afterEach, expect, it } from 'vitest';
import { startApiFront } from '../../../../../localstack/embedded/events/api-front.ts';
import { matchRoute } from '../../../../../localstack/embedded/events/api-routes.ts';
import type { InvokeAnswer } from '../../../../../localstack/embedded/contracts.ts';

const ROUTES = [
  { method: 'ANY', path: '/{proxy+}', functionName: 'all' },
  { method: 'GET', path: '/v1/{id}', functionName: 'one' },
  { method: 'GET', path: '/v1/fixed', functionName: 'fixed' },
  { method: 'ANY', path: '/v1/fixed', functionName: 'any' },
];
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function serve(answer: (event: Record<string, unknown>) => InvokeAnswer | Promise<InvokeAnswer>, timeoutMs = 60_000): Promise<string> {
  const api = { id: 'api', stage: 'prod', routes: ROUTES.slice(0, 1), binaryMediaTypes: ['application/zip'] };
  const front = await startApiFront({ api, timeoutMs, invoke: async (_, event) => answer(event as Record<string, unknown>) });
  stops.push(front.stop);
  return front.endpoint;
}
const echo = (event: unknown): InvokeAnswer => ({ ok: true, payload: { statusCode: 201, headers: { 'x-a': 'b' }, body: JSON.stringify(event) } });

it.each([
  ['GET', '/v1/fixed', 'fixed', null],
  ['POST', '/v1/fixed', 'any', null],
  ['GET', '/v1/a%20b', 'one', { id: 'a b' }],
  ['POST', '/v1/x', 'all', { proxy: 'v1/x' }],
  ['GET', '/a/b/c', 'all', { proxy: 'a/b/c' }],
])('%s %s goes to %s', (method, path, functionName, pathParameters) => {
  expect(matchRoute(ROUTES, method, path)).toMatchObject({ route: { functionName }, pathParameters });
});

it('{proxy+} does not take the root', () => expect(matchRoute(ROUTES, 'GET', '/')).toBeUndefined());

it('the stage and the root lead to the same event', async () => {
  const endpoint = await serve(echo);
  const paths = await Promise.all(['/prod/v1/x', '/v1/x'].map(async (path) => ((await (await fetch(endpoint + path)).json()) as { path: string }).path));
  expect(paths).toEqual(['/v1/x', '/v1/x']);
});

it('the event has the form of version 1, the answer is passed on', async () => {
  const response = await fetch(`${await serve(echo)}/prod/v1?a=1&a=2`, { method: 'POST', body: 'hi', headers: { 'content-type': 'text/plain' } });
  expect([response.status, response.headers.get('x-a')]).toEqual([201, 'b']);
  expect(await response.json()).toMatchObject({
    resource: '/{proxy+}', path: '/v1', httpMethod: 'POST', body: 'hi', isBase64Encoded: false, pathParameters: { proxy: 'v1' },
    queryStringParameters: { a: '2' }, multiValueQueryStringParameters: { a: ['1', '2'] }, stageVariables: null,
    requestContext: { stage: 'prod', path: '/prod/v1', resourcePath: '/{proxy+}', identity: { sourceIp: '127.0.0.1' } },
  });
});

it('binary bodies travel as base64, both ways', async () => {
  const bytes = Buffer.from([0, 255, 128]);
  const endpoint = await serve(({ body, isBase64Encoded }) => ({ ok: true, payload: { statusCode: 200, body, isBase64Encoded } }));
  const response = await fetch(`${endpoint}/x`, { method: 'POST', body: bytes, headers: { 'content-type': 'application/zip' } });
  expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes);
});

it.each<[string, InvokeAnswer]>([
  ['no object', { ok: true, payload: 'text' }],
  ['an unknown field', { ok: true, payload: { statusCode: 200, status: 1 } }],
  ['no status', { ok: true, payload: { body: 'x' } }],
  ['a body that is no text', { ok: true, payload: { statusCode: 200, body: {} } }],
  ['a failure', { ok: false, errorType: 'E', errorMessage: 'm' }],
])('an answer with %s becomes 502', async (_, answer) => {
  expect((await fetch(`${await serve(() => answer)}/x`)).status).toBe(502);
});

it('a path without a route is 403', async () => expect((await fetch(await serve(echo))).status).toBe(403));
it('a body above 10 MB is 413', async () => expect((await fetch(`${await serve(echo)}/x`, { method: 'POST', body: Buffer.alloc(10 * 1_048_576 + 1) })).status).toBe(413));
it('a function that takes too long is 504', async () => expect((await fetch(`${await serve(() => new Promise(() => {}), 5)}/x`)).status).toBe(504));
