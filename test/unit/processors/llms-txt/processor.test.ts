import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { extractPage } from '../../../../processors/llms-txt/extract-page.ts';
import { llmsTxt } from '../../../../processors/llms-txt/processor.ts';
import { UNLIMITED } from '../../../../shared/http/host-limiter.ts';
import { createPageFetcher } from '../../../../shared/http/undici-page-fetcher.ts';
import { bytes, html, serveSite, type Handler } from '../../shared/http/local-site.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../../shared/uploads.ts';

const options = llmsTxt.optionsSchema.parse({});
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function start(routes: Readonly<Record<string, Handler>>) {
  const site = await serveSite(routes);
  const fetcher = createPageFetcher({ allowedNetworks: ['127.0.0.0/8'], limiter: UNLIMITED, userAgent: 'Spillway/0.1', clock: Date.now });
  closers.push(site.close, fetcher.close);
  const { signal } = new AbortController();
  const { fetchPage } = fetcher;
  return {
    ...site,
    process: (path: string) => llmsTxt.process({ line: 1, input: { url: site.origin + path } }, { options, signal, now: Date.now, fetchPage, callApi: NO_APIS_CONFIGURED, limiter: UNLIMITED_CALLS, readUpload: NO_UPLOADS }),
    async expand(fields: Record<string, string>) {
      const rows = [];
      for await (const row of llmsTxt.expand!(fields, { options, signal, now: Date.now, fetchPage })) rows.push(row);
      return rows;
    },
  };
}

const pageOf = (text: string) => extractPage({ url: 'https://a.example/x', finalUrl: 'https://a.example/docs/x', mediaType: 'text/html', text });

describe('rows', () => {
  test('two spellings of one address are one item of its host', () => {
    const expected = { kind: 'item', input: { url: 'https://a.example/x' }, equalityKey: 'https://a.example/x', limitKey: 'host:a.example' };
    for (const url of ['https://A.example:443/x#part', 'a.example/./x', ' https://a.example/x ']) expect(llmsTxt.readRow({ url }, options)).toEqual(expected);
  });

  test('what is no web address is refused, as is an unknown expansion', () => {
    for (const fields of [{}, { url: 7 }, { url: 'ftp://a.example/' }, { url: 'https://a.example/', expand: 'all' }]) expect(llmsTxt.readRow(fields, options).kind).toBe('invalid');
    expect(llmsTxt.readRow({ url: 'https://a.example/', expand: 'sitemap' }, options)).toEqual({ kind: 'expand', how: 'sitemap' });
  });

  test('unknown options are refused', () => expect(() => llmsTxt.optionsSchema.parse({ twin: true })).toThrow('twin'));
});

describe('expansion', () => {
  const urlset = (...urls: string[]) => `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls.map((url) => `<url><loc>${url}</loc></url>`).join('')}</urlset>`;

  test('a site gives the pages of the sitemaps that robots.txt names, packed ones too', async () => {
    const routes: Record<string, Handler> = { '/s.xml.gz': bytes(gzipSync(urlset('https://a.example/1', 'https://a.example/2'))) };
    routes['/robots.txt'] = (request, response) => void response.end(`sitemap: http://${request.headers.host}/s.xml.gz`);
    const site = await start(routes);
    expect(await site.expand({ url: `${site.origin}/any/page`, expand: 'sitemap' })).toEqual([{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }]);
  });

  test('without one it is /sitemap.xml; an index gives rows that ask again', async () => {
    const site = await start({ '/sitemap.xml': html('<sitemapindex><sitemap><loc>https://a.example/deep.xml</loc></sitemap></sitemapindex>') });
    expect(await site.expand({ url: site.origin, expand: 'sitemap' })).toEqual([{ url: 'https://a.example/deep.xml', expand: 'sitemap' }]);
  });

  test('links are the page and its links within the site, each once', async () => {
    const site = await start({ '/': html('<a href="/a">A</a> <a href="b#x">B</a> <a href="/a#y">again</a> <a href="https://other.example/">away</a> <a href="mailto:x@y.example">mail</a>') });
    expect(await site.expand({ url: site.origin, expand: 'links' })).toEqual(['/', '/a', '/b'].map((path) => ({ url: site.origin + path })));
  });

  test('what can not be read is one sentence with the reason', async () => {
    const site = await start({});
    await expect(site.expand({ url: site.origin, expand: 'sitemap' })).rejects.toThrow(/sitemap\.xml can't be read: HttpStatusError: expected status 200, got 404/);
  });
});

describe('pages', () => {
  test('a page gives title, description, language, canonical address and Markdown with absolute links', () => {
    const output = pageOf(
      `<html lang="en-GB"><head><title> The
      page </title><meta name="description" content="What it says."><link rel="canonical" href="/docs/x"></head>
      <body><nav><a href="/">Home</a></nav><main><h1>The page</h1><p>See <a href="../y">the other</a> and <a href="javascript:x()">this</a>.</p>
      <pre><code class="language-sh">npm start</code></pre><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></main><footer>Imprint</footer></body></html>`,
    );
    expect(output).toMatchObject({ title: 'The page', description: 'What it says.', language: 'en-GB', canonicalUrl: 'https://a.example/docs/x' });
    expect(output?.markdown).toContain('See [the other](https://a.example/y) and this.');
    expect(output?.markdown).toContain('```sh\nnpm start\n```');
    expect(output?.markdown).toMatch(/\| a +\| b +\|\n\| -+ \| -+ \|\n\| 1 +\| 2 +\|/);
    expect(output?.markdown).not.toMatch(/Imprint|Home|javascript/);
  });

  test('a page that names no canonical address has none', () => {
    for (const link of ['', '<link rel="canonical">', '<link rel="canonical" href=" ">', '<link rel="canonical" href="mailto:x@y.example">']) {
      expect(pageOf(`<title>T</title>${link}<p>Enough words to be the content of a page.</p>`)).not.toHaveProperty('canonicalUrl');
    }
  });

  test('cells and rows outside a table keep their text', () => {
    const output = pageOf('<title>T</title><main><tr><td>In a row of no table.</td></tr><td>In a cell of no row.</td><p>Enough words to be the content of a page.</p></main>');
    expect(output?.markdown).toBe('In a row of no table.\n\nIn a cell of no row.\n\nEnough words to be the content of a page.');
  });

  test('Markdown and plain text stay as they are', () => {
    expect(extractPage({ url: 'https://a.example/r', finalUrl: 'https://a.example/r', mediaType: 'text/markdown', text: '# Read me\r\n\r\n* one\r\n' })).toMatchObject({ title: 'Read me', markdown: '# Read me\n\n* one' });
  });

  test('each end of a fetch is the item’s own verdict', async () => {
    const site = await start({
      '/robots.txt': html('user-agent: *\ndisallow: /no'),
      '/': html('<title>T</title><p>Enough words to be the content of a page.</p>'),
      '/empty': html('<title>T</title><script>1</script>'),
      '/pdf': bytes(Buffer.from('%PDF'), { 'content-type': 'application/pdf' }),
    });
    expect(await site.process('/')).toMatchObject({ verdict: 'succeeded', output: { title: 'T', markdown: 'Enough words to be the content of a page.' } });
    expect(await site.process('/no')).toEqual({ verdict: 'skipped', reason: 'robots' });
    expect(await site.process('/gone')).toMatchObject({ verdict: 'failed', error: { name: 'HttpStatusError', retryable: false } });
    expect(await site.process('/empty')).toMatchObject({ verdict: 'failed', error: { name: 'EmptyPageError' } });
    expect(await site.process('/pdf')).toMatchObject({ verdict: 'failed', error: { name: 'UnsupportedMediaTypeError' } });
  });
});
