import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJsonTransport } from '../../../../shared/http/json-transport.ts';

let url: string;
const seen: { method?: string | undefined; authorization?: string | undefined; body: string }[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    seen.push({ method: request.method, authorization: request.headers.authorization, body });
    if (request.url === '/silent') return;
    if (request.url === '/moved') return void response.writeHead(307, { location: 'https://elsewhere.example/' }).end();
    response.writeHead(429, { 'Retry-After': '3', 'content-type': 'application/json' }).end('{"error":{}}');
  });
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.closeAllConnections());

const transport = (allowedNetworks: string[] = ['127.0.0.0/8']) => createJsonTransport({ allowedNetworks, userAgent: 'test', clock: Date.now });
const post = (path: string, more: object = {}) => ({ url: url + path, body: '{"a":1}', key: 'k', timeoutMs: 5000, signal: new AbortController().signal, ...more });

describe('a post', () => {
  it('carries body and key, and answers any status with its headers', async () => {
    const open = transport();
    expect(await open.post(post('/'))).toMatchObject({ kind: 'response', status: 429, headers: { 'retry-after': '3' }, body: '{"error":{}}' });
    expect(seen.at(-1)).toEqual({ method: 'POST', authorization: 'Bearer k', body: '{"a":1}' });
    await open.close();
  });

  it('follows no redirect: the key would go along', async () => {
    const open = transport();
    expect(await open.post(post('/moved'))).toMatchObject({ kind: 'response', status: 307 });
    await open.close();
  });

  it('leaves for no address that is not public, unless the operator allowed that network', async () => {
    const closed = transport([]);
    const before = seen.length;
    expect(await closed.prepare(url)).toMatchObject({ kind: 'blocked' });
    expect(await closed.post(post('/'))).toMatchObject({ kind: 'blocked' });
    expect(seen.length).toBe(before);
    await closed.close();
  });

  it('ends with its time', async () => {
    const open = transport();
    expect(await open.post(post('/silent', { timeoutMs: 50 }))).toEqual({ kind: 'timed out' });
    await open.close();
  });
});
