import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import type { PageAnswer } from '../../shared/http/page-fetcher.ts';
import { MAX_ROBOTS_BYTES, parseRobots } from '../../shared/http/robots.ts';
import { readSitemap } from '../../shared/manifest/read-sitemap.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { canonicalUrl } from '../../shared/web-url.ts';
import type { ExpandContext } from '../processor.ts';
import { parseDocument } from './dom.ts';

/** sitemaps.org: 50 MB unpacked. */
const MAX_SITEMAP_BYTES = 50 * 1024 * 1024;
/** A limit holds a fetch back: the planner waits, a few times. */
const MAX_HOLDS = 20;
const NAMING = { primaryField: 'url', aliases: [], column: undefined };

/**
 * `sitemap`: the pages that the site's sitemaps name (those of robots.txt, else `/sitemap.xml`), or those of the sitemap that the row itself is.
 * An index answers rows that ask again; the planner bounds the depth. `links`: the page itself and its links within the same site.
 * @throws Error with one sentence, which becomes the row's reason
 */
export async function* expandRow(fields: JsonObject, context: ExpandContext<JsonObject>): AsyncGenerator<JsonObject> {
  const url = canonicalUrl(String(fields['url']));
  if (!url.ok) throw new Error(url.reason);
  if (fields['expand'] === 'links') yield* expandLinks(url.href, context);
  else if (isSitemapUrl(url.href)) yield* readSitemapRows(url.href, context);
  else for (const sitemap of await findSitemaps(url.href, context)) yield* readSitemapRows(sitemap, context);
}

const isSitemapUrl = (url: string): boolean => /\.xml(?:\.gz)?$/i.test(new URL(url).pathname);

async function findSitemaps(url: string, context: ExpandContext<JsonObject>): Promise<string[]> {
  const { origin } = new URL(url);
  const answer = await fetchPatiently({ url: `${origin}/robots.txt`, obeysRobots: false, maxBodyBytes: MAX_ROBOTS_BYTES }, context);
  const named = answer.kind === 'page' ? parseRobots(answer.text(), '').sitemaps : [];
  const urls = named.map((text) => URL.parse(text, origin)?.href).filter((href) => href !== undefined);
  return urls.length > 0 ? [...new Set(urls)] : [`${origin}/sitemap.xml`];
}

async function* readSitemapRows(url: string, context: ExpandContext<JsonObject>): AsyncGenerator<JsonObject> {
  const page = expectPage(await fetchPatiently({ url, obeysRobots: false, maxBodyBytes: MAX_SITEMAP_BYTES }, context), url);
  const stream = Readable.from([page.body]);
  const isPacked = page.body[0] === 0x1f && page.body[1] === 0x8b;
  for await (const rows of readSitemap(isPacked ? limitBytes(stream.compose(createGunzip()) as AsyncIterable<Uint8Array>, url) : stream, NAMING)) {
    for (const row of rows) if (row.kind === 'fields') yield row.fields;
  }
}

async function* limitBytes(chunks: AsyncIterable<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total > MAX_SITEMAP_BYTES) throw new Error(`expected a sitemap of at most ${MAX_SITEMAP_BYTES} bytes unpacked, got more from ${url}`);
    yield chunk;
  }
}

async function* expandLinks(url: string, context: ExpandContext<JsonObject>): AsyncGenerator<JsonObject> {
  const page = expectPage(await fetchPatiently({ url }, context), url);
  const { host } = new URL(page.url);
  const seen = new Set([page.url]);
  yield { url: page.url };
  for (const link of parseDocument(page.text()).querySelectorAll('a[href]')) {
    const target = URL.parse(link.getAttribute('href') ?? '', page.url);
    const canonical = target && target.host === host ? canonicalUrl(target.href) : undefined;
    if (!canonical?.ok || seen.has(canonical.href)) continue;
    seen.add(canonical.href);
    yield { url: canonical.href };
  }
}

async function fetchPatiently(request: { url: string; obeysRobots?: boolean; maxBodyBytes?: number }, { fetchPage, signal, now }: ExpandContext<JsonObject>): Promise<PageAnswer> {
  for (let holds = 0; ; holds++) {
    const answer = await fetchPage({ ...request, signal });
    if (answer.kind !== 'held' || holds === MAX_HOLDS) return answer;
    // Plan is no worker with items to lose: it may wait for a limit.
    await delay(Math.max(0, answer.until - now()), undefined, { signal });
  }
}

function expectPage(answer: PageAnswer, url: string): PageAnswer & { kind: 'page' } {
  if (answer.kind === 'page') return answer;
  const reason = answer.kind === 'failed' ? `${answer.error.name}: ${answer.error.message}` : answer.kind === 'held' ? 'its host is held back by a limit' : 'robots.txt disallows it';
  throw new Error(`${url} can't be read: ${reason}`);
}
