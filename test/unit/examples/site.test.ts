import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEGACY_ADDRESSES } from '../../../examples/site/site-answers.ts';
import { startExampleSite } from '../../../examples/site/serve-site.ts';
import type { ExampleSite } from '../../../examples/site/serve-site.ts';

let site: ExampleSite;
beforeAll(async () => {
  site = await startExampleSite();
});
afterAll(() => site.stop());

const addressesIn = (xml: string): string[] => [...xml.matchAll(/<loc>([^<]*)<\/loc>/g)].map(([, address]) => address!);

async function readSitemap(address: string): Promise<string[]> {
  const answer = await fetch(address);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return addressesIn(address.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString());
}

/** By the names of the sitemap's children. */
async function readChildren(home: string): Promise<Record<string, string[]>> {
  const children = await readSitemap(`${home}sitemap.xml`);
  return Object.fromEntries(await Promise.all(children.map(async (child) => [new URL(child).pathname, await readSitemap(child)] as const)));
}

const statusOf = async (path: string): Promise<number> => {
  const answer = await fetch(new URL(path, site.url), { redirect: 'manual' });
  await answer.arrayBuffer();
  return answer.status;
};

describe('the sitemap', () => {
  test('lists at least 60 pages, each once, and each answers 200 with HTML that names its language and charset', async () => {
    const children = await readChildren(site.url);
    const addresses = [...children['/sitemap-pages.xml']!, ...children['/sitemap-journal.xml.gz']!];
    expect(addresses.length).toBeGreaterThanOrEqual(60);
    expect(new Set(addresses).size).toBe(site.pages);
    for (const address of addresses) {
      const answer = await fetch(address, { redirect: 'manual' });
      const text = await answer.text();
      expect({ address, status: answer.status, type: answer.headers.get('content-type')!.split(';')[0] }).toEqual({ address, status: 200, type: 'text/html' });
      expect(text).toMatch(/<html lang="[a-z]{2}">\s*<head>\s*<meta charset="[\w-]+">/);
    }
  });

  test('lists the old addresses in a child of its own, unless a run without faults is wanted', async () => {
    const listed = (await readChildren(site.url))['/sitemap-legacy.xml'];
    expect(listed).toEqual(LEGACY_ADDRESSES.map(({ path }) => `${site.url.slice(0, -1)}${path}`));
    const clean = await startExampleSite({ withFaults: false });
    try {
      expect(Object.keys(await readChildren(clean.url))).toEqual(['/sitemap-pages.xml', '/sitemap-journal.xml.gz']);
    } finally {
      await clean.stop();
    }
  });

  test('stands in robots.txt beside what is forbidden', async () => {
    const robots = await (await fetch(`${site.url}robots.txt`)).text();
    expect(robots).toContain(`Sitemap: ${site.url}sitemap.xml\n`);
    expect(robots).toContain('Disallow: /internal/\n');
  });
});

describe('addresses that are no plain page', () => {
  test.each([
    ['/guides', 301],
    ['/docs/install', 301],
    ['/latest', 302],
    ['/guides/index.html', 200],
    ['/internal/duty-roster', 200],
    ['/tutorials/first-steps-with-version-2', 404],
    ['/status/flow-forecast', 500],
  ])('%s answers %i', async (path, status) => {
    expect(await statusOf(path)).toBe(status);
  });

  test('every redirect ends on a page', async () => {
    const targets = LEGACY_ADDRESSES.flatMap((address) => ('location' in address ? [address.location] : []));
    expect(await Promise.all(targets.map(statusOf))).toEqual(targets.map(() => 200));
  });

  test('the default index holds the same bytes as its folder', async () => {
    const [folder, index] = await Promise.all(['guides/', 'guides/index.html'].map(async (path) => (await fetch(site.url + path)).text()));
    expect(index).toBe(folder);
  });
});

describe('links', () => {
  test('lead only to pages and to the listed addresses', async () => {
    const lost: string[] = [];
    const { '/sitemap-pages.xml': pages, '/sitemap-journal.xml.gz': journal } = await readChildren(site.url);
    const known = new Set([...[...pages!, ...journal!].map((address) => new URL(address).pathname), ...LEGACY_ADDRESSES.map(({ path }) => path.split('#')[0]!)]);
    for (const address of [...pages!, ...journal!]) {
      const article = /<article>.*<\/article>/s.exec(await (await fetch(address)).text())![0];
      const paths = [...article.matchAll(/href="([^"]*)"/g)].map(([, href]) => new URL(href!, address).pathname);
      lost.push(...paths.filter((path) => !known.has(path)));
    }
    expect(lost).toEqual([]);
  });
});

describe('charsets', () => {
  test.each([
    ['de/handbuch-1998', 'windows-1252', 'text/html; charset=windows-1252', '„Der Schleusenwärter überzeugt sich vor jeder Füllung, daß die Untertore geschlossen sind“ – so'],
    ['ja/suii-kiroku', 'shift_jis', 'text/html', '二つの水位計の値が五センチメートル以上違うときは'],
  ])('%s is sent in %s', async (path, charset, contentType, sentence) => {
    const answer = await fetch(site.url + path);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-type')).toBe(contentType);
    expect(new TextDecoder(charset, { fatal: true }).decode(bytes)).toContain(sentence);
    expect(bytes.toString('latin1')).toContain(`<meta charset="${charset}">`);
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow('not valid');
  });

  test('a title with brackets, pipes, markup and a line break arrives as it was written', async () => {
    const html = await (await fetch(`${site.url}blog/brackets-and-pipes`)).text();
    const title = /<title>(.*?)<\/title>/s.exec(html)![1];
    expect(title).toBe('Gate [north] | &quot;upper&quot; * _paddle_ `E-BEAM` ](https://example.com) &lt;b&gt;now&lt;/b&gt;\n# proven \\ shut - Weirwright');
  });
});

describe('transfer', () => {
  test.each(['br', 'gzip', 'identity'])('a page asked for as %s unpacks to the same bytes', async (coding) => {
    const plain = await (await fetch(`${site.url}api/errors`, { headers: { 'accept-encoding': 'identity' } })).text();
    const answer = await fetch(`${site.url}api/errors`, { headers: { 'accept-encoding': coding } });
    expect(answer.headers.get('content-encoding')).toBe(coding === 'identity' ? null : coding);
    expect(await answer.text()).toBe(plain);
  });

  test('a page that did not change is not sent again', async () => {
    const first = await fetch(site.url);
    await first.text();
    const again = await fetch(site.url, { headers: { 'if-none-match': first.headers.get('etag')! } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  test('other methods are refused', async () => {
    expect((await fetch(site.url, { method: 'POST', body: 'x' })).status).toBe(405);
  });
});

test('two sites run beside each other, and nothing listens after the stop', async () => {
  const [one, other] = await Promise.all([startExampleSite(), startExampleSite()]);
  expect(one.url).not.toBe(other.url);
  expect((await fetch(one.url)).status).toBe(200);
  await one.stop();
  await expect(fetch(one.url)).rejects.toThrow('fetch failed');
  expect((await fetch(other.url)).status).toBe(200);
  await other.stop();
  await expect(fetch(other.url)).rejects.toThrow('fetch failed');
});
