import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type HostLimiter, UNLIMITED } from '../../../../shared/http/host-limiter.ts';
import type { PageAnswer, PageRequest } from '../../../../shared/http/page-fetcher.ts';
import { createPageFetcher, type PageFetcherOptions } from '../../../../shared/http/undici-page-fetcher.ts';
import { bytes, html, redirect, serveRaw, serveSite, type Handler, type LocalSite } from './local-site.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const PAGE = `<title>Page</title><p>${'words of the page '.repeat(200)}`;

async function start(routes: Readonly<Record<string, Handler>>): Promise<LocalSite> {
  const site = await serveSite(routes);
  closers.push(site.close);
  return site;
}

function open(options: Partial<PageFetcherOptions> = {}) {
  const fetcher = createPageFetcher({ allowedNetworks: ['127.0.0.0/8'], limiter: UNLIMITED, userAgent: 'Spillway/0.1', clock: Date.now, ...options });
  closers.push(fetcher.close);
  return (url: string, request: Partial<PageRequest> = {}) => fetcher.fetchPage({ url, signal: new AbortController().signal, ...request });
}

const errorOf = (answer: PageAnswer) => (answer.kind === 'failed' ? { name: answer.error.name, retryable: answer.error.retryable } : answer.kind);
const textOf = (answer: PageAnswer) => (answer.kind === 'page' ? answer.text() : JSON.stringify(answer));
const get = (lines: readonly string[], body: string | Uint8Array) => Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);

describe('bodies', () => {
  test.each([
    ['gzip', gzipSync(PAGE)],
    ['br', brotliCompressSync(PAGE)],
    ['zstd', zstdCompressSync(PAGE)],
    ['deflate', deflateSync(PAGE)],
    ['deflate', deflateRawSync(PAGE)],
    ['gzip, br', brotliCompressSync(gzipSync(PAGE))],
    ['identity', Buffer.from(PAGE)],
  ])('%s is unpacked', async (encoding, body) => {
    const site = await start({ '/': bytes(body, { 'content-encoding': encoding }) });
    expect(textOf(await open()(`${site.origin}/`))).toBe(PAGE);
  });

  test.each([
    ['gzip', gzipSync(PAGE)],
    ['br', brotliCompressSync(PAGE)],
    ['zstd', zstdCompressSync(PAGE)],
    ['deflate', deflateSync(PAGE)],
  ])('a %s body without its end is an error, although its length is right', async (encoding, body) => {
    const site = await start({ '/': bytes(body.subarray(0, body.byteLength - 4), { 'content-encoding': encoding }) });
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'TruncatedBodyError', retryable: true });
  });

  test('bytes that are not of the announced encoding are an error', async () => {
    const site = await start({ '/': bytes(Buffer.from(PAGE), { 'content-encoding': 'gzip' }), '/x': bytes(Buffer.from(PAGE), { 'content-encoding': 'lzma' }) });
    const fetchPage = open();
    expect(errorOf(await fetchPage(`${site.origin}/`))).toEqual({ name: 'BadEncodingError', retryable: false });
    expect(errorOf(await fetchPage(`${site.origin}/x`))).toEqual({ name: 'UnsupportedEncodingError', retryable: false });
  });

  test.each([
    ['shorter than Content-Length', get(['content-length: 500'], 'short')],
    ['chunked without the last chunk', get(['transfer-encoding: chunked'], '5\r\nshort\r\n')],
    ['chunked, ended inside a chunk', get(['transfer-encoding: chunked'], '50\r\nshort')],
  ])('a body that is %s is an error', async (_, answer) => {
    const site = await serveRaw(answer);
    closers.push(site.close);
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'TruncatedBodyError', retryable: true });
  });

  test.each([
    ['announced', bytes(Buffer.alloc(3000))],
    ['unannounced', (_, response) => void response.writeHead(200).end(Buffer.alloc(3000))],
    ['packed', bytes(gzipSync(Buffer.alloc(3000)), { 'content-encoding': 'gzip' })],
    ['twice packed', bytes(gzipSync(gzipSync(Buffer.alloc(50_000_000))), { 'content-encoding': 'gzip, gzip' })],
  ])('a body over the cap is an error: %s', async (_, handler) => {
    const site = await start({ '/': handler });
    expect(errorOf(await open({ maxBodyBytes: 2000 })(`${site.origin}/`))).toEqual({ name: 'BodyTooLargeError', retryable: false });
  });

  test('the body of a media type that is of no use is not read', async () => {
    const site = await start({ '/': (_, response) => void response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': '900000' }).write('x') });
    expect(errorOf(await open()(`${site.origin}/`, { mediaTypes: ['text/html'] }))).toEqual({ name: 'UnsupportedMediaTypeError', retryable: false });
  });
});

describe('status and transport', () => {
  test.each([
    [404, false], [403, false], [410, false], [400, false], [500, true], [502, true], [503, true], [504, true], [408, true], [501, false],
  ])('status %i is HttpStatusError, retryable: %s', async (status, retryable) => {
    const site = await start({ '/': (_, response) => void response.writeHead(status).end('sorry') });
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'HttpStatusError', retryable });
  });

  test.each([[429, {}], [429, { 'retry-after': '20' }], [503, { 'retry-after': '20' }]])('status %i with %o holds the page back and is no failure', async (status, headers) => {
    const site = await start({ '/': (_, response) => void response.writeHead(status, headers).end() });
    const now = Date.UTC(2026, 0, 1);
    const fetchPage = open({ clock: () => now });
    const wait = 'retry-after' in headers ? 20_000 : 1000;
    expect(await fetchPage(`${site.origin}/`)).toEqual({ kind: 'held', until: now + wait, limit: `host:${new URL(site.origin).host}` });
  });

  test('a page that is throttled more than ten times in a row fails', async () => {
    let isKind = false;
    const site = await start({ '/': (_, response) => void response.writeHead(isKind ? 200 : 429, { 'content-type': 'text/html' }).end('x') });
    const fetchPage = open();
    const kinds = async (times: number) => {
      const answers: string[] = [];
      for (let i = 0; i < times; i++) answers.push((await fetchPage(`${site.origin}/`)).kind);
      return answers;
    };
    expect(await kinds(11)).toEqual([...Array.from({ length: 10 }, () => 'held'), 'failed']);
    expect(await kinds(3)).toEqual(['held', 'held', 'held']);
    isKind = true;
    expect(await kinds(1)).toEqual(['page']);
    isKind = false;
    expect(await kinds(11)).toEqual([...Array.from({ length: 10 }, () => 'held'), 'failed']);
  });

  test('a robots.txt that is throttled holds its pages back', async () => {
    const site = await start({ '/robots.txt': (_, response) => void response.writeHead(429, { 'retry-after': '5' }).end(), '/': html(PAGE) });
    expect(await open()(`${site.origin}/`)).toMatchObject({ kind: 'held' });
    expect(site.journal).toEqual(['/robots.txt']);
  });

  test('a port that nobody listens on is ConnectionError', async () => {
    const site = await serveSite({});
    await site.close();
    expect(errorOf(await open()(`${site.origin}/`, { obeysRobots: false }))).toEqual({ name: 'ConnectionError', retryable: true });
  });

  test('an answer that is no HTTP is ProtocolError', async () => {
    const site = await serveRaw('SSH-2.0-OpenSSH_9.2\r\n');
    closers.push(site.close);
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'ProtocolError', retryable: false });
  });

  test('a name that does not exist is DnsError, a dead resolver is retryable', async () => {
    const failing = (code: string) => open({ resolveName: () => Promise.reject(Object.assign(new Error(code), { code })) });
    expect(errorOf(await failing('ENOTFOUND')('http://nowhere.example/'))).toEqual({ name: 'DnsError', retryable: false });
    expect(errorOf(await failing('EAI_AGAIN')('http://nowhere.example/'))).toEqual({ name: 'DnsUnavailableError', retryable: true });
  });

  test('each deadline has its own name', async () => {
    const site = await start({ '/silent': () => undefined, '/stuck': (_, response) => void response.writeHead(200).write('a') });
    const timeouts = { headersMs: 30, bodyMs: 30 };
    expect(errorOf(await open({ timeouts })(`${site.origin}/silent`))).toEqual({ name: 'HeadersTimeoutError', retryable: true });
    expect(errorOf(await open({ timeouts })(`${site.origin}/stuck`))).toEqual({ name: 'BodyTimeoutError', retryable: true });
    expect(errorOf(await open({ timeouts: { totalMs: 200 } })(`${site.origin}/stuck`))).toEqual({ name: 'TotalTimeoutError', retryable: true });
  });

  test('who gives up gets AbortedError', async () => {
    const giveUp = new AbortController();
    const site = await start({ '/': () => giveUp.abort() });
    expect(errorOf(await open()(`${site.origin}/`, { signal: giveUp.signal }))).toEqual({ name: 'AbortedError', retryable: true });
  });
});

describe('redirects', () => {
  test('the page has the URL at the end of the chain', async () => {
    const site = await start({ '/a': redirect('b?x=1#part', 301), '/b?x=1': redirect('/c', 308), '/c': html(PAGE) });
    expect(await open()(`${site.origin}/a`)).toMatchObject({ kind: 'page', url: `${site.origin}/c`, status: 200, mediaType: 'text/html' });
  });

  test('ten are followed, the eleventh is an error', async () => {
    const routes = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`/${i}`, redirect(`/${i + 1}`)]));
    const site = await start({ ...routes, '/12': html(PAGE) });
    expect(textOf(await open()(`${site.origin}/2`))).toBe(PAGE);
    expect(errorOf(await open()(`${site.origin}/1`))).toEqual({ name: 'TooManyRedirectsError', retryable: false });
  });

  test('a loop is an error', async () => {
    const site = await start({ '/a': redirect('/b'), '/b': redirect('/a') });
    expect(errorOf(await open()(`${site.origin}/a`))).toEqual({ name: 'RedirectLoopError', retryable: false });
  });

  test.each(['file:///etc/passwd', 'ftp://example.com/', 'javascript:alert(1)', 'http://user:secret@127.0.0.1/', 'http://['])('%s is no target', async (target) => {
    const site = await start({ '/': redirect(target) });
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'BadRedirectError', retryable: false });
  });

  test('every hop asks the robots.txt of its own origin', async () => {
    const closed = await start({ '/robots.txt': html('user-agent: spillway\ndisallow: /private'), '/private': html(PAGE) });
    const site = await start({ '/': redirect(`${closed.origin}/private`) });
    expect(await open()(`${site.origin}/`)).toEqual({ kind: 'disallowed' });
    expect(closed.journal).toEqual(['/robots.txt']);
  });
});

describe('addresses', () => {
  test('a private address is blocked, as a literal, in any spelling, and as a name', async () => {
    const site = await start({ '/': html(PAGE) });
    const port = site.host.split(':')[1]!;
    const resolveName = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const fetchPage = open({ allowedNetworks: ['10.0.0.0/8'], resolveName });
    for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '[::1]', 'site.example']) {
      expect(errorOf(await fetchPage(`http://${host}:${port}/`)), host).toEqual({ name: 'AddressBlockedError', retryable: false });
    }
    expect(site.journal).toEqual([]);
  });

  test('a redirect to a private address is blocked', async () => {
    const site = await start({ '/': redirect('http://10.0.0.1/') });
    expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'AddressBlockedError', retryable: false });
  });

  test('one private answer blocks a name, an allowed network opens it', async () => {
    const site = await start({ '/': html(PAGE) });
    const url = `http://site.example:${site.host.split(':')[1]!}/`;
    const mixed = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }, { address: '10.0.0.1', family: 4 }]);
    expect(errorOf(await open({ resolveName: mixed })(url))).toEqual({ name: 'AddressBlockedError', retryable: false });
    expect(textOf(await open({ resolveName: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]) })(url))).toBe(PAGE);
  });
});

describe('robots.txt', () => {
  test('it is read once an origin', async () => {
    const site = await start({ '/robots.txt': html('user-agent: *\ndisallow: /no'), '/a': html(PAGE), '/b': html(PAGE), '/no': html(PAGE) });
    const fetchPage = open();
    await Promise.all([fetchPage(`${site.origin}/a`), fetchPage(`${site.origin}/b`)]);
    expect(await fetchPage(`${site.origin}/no`)).toEqual({ kind: 'disallowed' });
    expect(site.journal.toSorted()).toEqual(['/a', '/b', '/robots.txt']);
  });

  test('4xx allows all; 5xx holds everything back and may be tried again', async () => {
    for (const status of [401, 403, 404]) {
      const site = await start({ '/robots.txt': (_, response) => void response.writeHead(status).end(), '/': html(PAGE) });
      expect(textOf(await open()(`${site.origin}/`))).toBe(PAGE);
    }
    for (const status of [500, 503]) {
      const site = await start({ '/robots.txt': (_, response) => void response.writeHead(status).end(), '/': html(PAGE) });
      expect(errorOf(await open()(`${site.origin}/`))).toEqual({ name: 'RobotsUnavailableError', retryable: true });
      expect(site.journal).toEqual(['/robots.txt']);
    }
  });

  test('five redirects are followed; after more there are no rules', async () => {
    const rules = html('user-agent: *\ndisallow: /');
    const routes = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`/r${i}`, redirect(`/r${i + 1}`)]));
    const near = await start({ ...routes, '/robots.txt': redirect('/r1'), '/r5': rules, '/': html(PAGE) });
    expect(await open()(`${near.origin}/`)).toEqual({ kind: 'disallowed' });
    const far = await start({ ...routes, '/robots.txt': redirect('/r0'), '/r5': rules, '/': html(PAGE) });
    expect(textOf(await open()(`${far.origin}/`))).toBe(PAGE);
  });

  test('what follows the first 500 KiB is not read', async () => {
    const padding = '# padding\n'.repeat(60_000);
    const site = await start({ '/robots.txt': html(`user-agent: *\ndisallow: /no\n${padding}disallow: /late`), '/late': html(PAGE), '/no': html(PAGE) });
    const fetchPage = open();
    expect(textOf(await fetchPage(`${site.origin}/late`))).toBe(PAGE);
    expect(await fetchPage(`${site.origin}/no`)).toEqual({ kind: 'disallowed' });
  });
});

test('a host outside the allowed networks asks the limiter before every real request', async () => {
  const asked: unknown[] = [];
  const limiter = {
    admit: ({ host, crawlDelaySeconds }: { host: string; crawlDelaySeconds?: number }) => {
      asked.push({ host, crawlDelaySeconds });
      return Promise.resolve({ kind: 'held' as const, until: 12_345 });
    },
    release: () => Promise.resolve(),
  };
  const fetchPage = open({ allowedNetworks: [], limiter, resolveName: () => Promise.resolve([{ address: '93.184.215.14', family: 4 }]) });
  expect(await fetchPage('http://site.example:8080/')).toEqual({ kind: 'held', until: 12_345 });
  expect(asked).toEqual([{ host: 'site.example:8080', crawlDelaySeconds: undefined }]);
});

describe('what a host says of its quota', () => {
  const now = Date.UTC(2026, 0, 1);
  async function endsOf(headers: Readonly<Record<string, string>>, status = 200) {
    const site = await start({ '/': (_, response) => void response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(PAGE) });
    const ends: unknown[] = [];
    const limiter: HostLimiter = { admit: () => Promise.resolve({ kind: 'admitted', end: (end) => void ends.push(end) }), release: () => Promise.resolve() };
    await open({ limiter, clock: () => now })(`${site.origin}/`, { obeysRobots: false });
    return ends;
  }

  test.each([
    [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '30' }, 30_000],
    [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1000 + 90) }, 90_000],
    [{ ratelimit: '"default";r=0;t=30' }, 30_000],
  ])('is heard before the host refuses: a page with %o is the last one until the reset', async (headers, waitMs) => {
    expect(await endsOf(headers)).toEqual([{ kind: 'answered', until: now + waitMs }]);
  });

  test('of which something is left holds nothing', async () => {
    expect(await endsOf({ 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': '30' })).toEqual([{ kind: 'answered' }]);
  });

  test('is believed for an hour at most, on a page as on a refusal', async () => {
    expect(await endsOf({ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '999999' })).toEqual([{ kind: 'answered', until: now + 3_600_000 }]);
    expect(await endsOf({ 'retry-after': '999999' }, 429)).toEqual([{ kind: 'throttled', until: now + 3_600_000 }]);
  });
});
