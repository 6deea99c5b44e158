import { gzipSync } from 'node:zlib';
import { encodeText } from './legacy-encoding.ts';
import { renderPage } from './page-template.ts';
import { escapeHtml } from './render-markup.ts';
import type { SitePage } from './site-content.ts';

export interface SiteAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Addresses that are no plain page, and what they answer. */
export const LEGACY_ADDRESSES = [
  { path: '/guides', status: 301, location: '/guides/' },
  { path: '/docs/install', status: 301, location: '/guides/installation' },
  { path: '/latest', status: 302, location: '/changelog/4-2' },
  { path: '/guides/index.html', status: 200 },
  { path: '/guides/#contents', status: 200 },
  { path: '/internal/duty-roster', status: 200 },
  { path: '/tutorials/first-steps-with-version-2', status: 404 },
  { path: '/status/flow-forecast', status: 500 },
] as const;

const SITEMAPS = { pages: '/sitemap-pages.xml', journal: '/sitemap-journal.xml.gz', legacy: '/sitemap-legacy.xml' } as const;
const JOURNAL_SECTIONS = new Set(['blog', 'changelog']);

/** Every answer of the site by its path. `origin` has no slash at its end. */
export function buildAnswers(pages: readonly SitePage[], { origin, withFaults }: { origin: string; withFaults: boolean }): ReadonlyMap<string, SiteAnswer> {
  return new Map<string, SiteAnswer>([
    ...pages.map((page): [string, SiteAnswer] => [page.path, pageAnswer(page, pages)]),
    ...LEGACY_ADDRESSES.flatMap((address): [string, SiteAnswer][] => ('location' in address ? [[address.path, redirect(address.status, address.location)]] : [])),
    ['/guides/index.html', pageAnswer(pages.find(({ path }) => path === '/guides/')!, pages)],
    ['/internal/duty-roster', html(200, 'Duty roster', 'Who keeps which lock this week. Not for the public.')],
    ['/status/flow-forecast', html(500, 'Internal server error', 'The flow model did not answer.')],
    ['/robots.txt', answer('text/plain; charset=utf-8', `User-agent: *\nDisallow: /internal/\nAllow: /\n\nSitemap: ${origin}/sitemap.xml\n`)],
    ['/style.css', answer('text/css', '.columns{display:grid;grid-template-columns:16rem 1fr 12rem}\n')],
    ...sitemapAnswers(pages, origin, withFaults),
  ]);
}

export const notFound = (path: string): SiteAnswer => html(404, 'Page not found', `There is no page at ${path}.`);

function pageAnswer(page: SitePage, pages: readonly SitePage[]): SiteAnswer {
  const contentType = page.charsetIn === 'header' ? `text/html; charset=${page.charset}` : 'text/html';
  return { status: 200, headers: { 'content-type': contentType, 'last-modified': new Date(page.date).toUTCString() }, body: encodeText(renderPage(page, pages), page.charset) };
}

function sitemapAnswers(pages: readonly SitePage[], origin: string, withFaults: boolean): [string, SiteAnswer][] {
  const isJournal = ({ section }: SitePage) => JOURNAL_SECTIONS.has(section);
  const children = [SITEMAPS.pages, SITEMAPS.journal, ...(withFaults ? [SITEMAPS.legacy] : [])];
  const journal = Buffer.from(urlSet(origin, pages.filter(isJournal)));
  return [
    ['/sitemap.xml', xml(sitemapElement('sitemapindex', 'sitemap', children.map((path) => ({ loc: origin + path }))))],
    [SITEMAPS.pages, xml(urlSet(origin, pages.filter((page) => !isJournal(page))))],
    [SITEMAPS.journal, { status: 200, headers: { 'content-type': 'application/gzip' }, body: gzipSync(journal) }],
    [SITEMAPS.legacy, xml(urlSet(origin, LEGACY_ADDRESSES))],
  ];
}

const urlSet = (origin: string, entries: readonly { readonly path: string; readonly date?: string }[]): string =>
  sitemapElement('urlset', 'url', entries.map(({ path, date }) => ({ loc: origin + path, ...(date !== undefined && { lastmod: date }) })));

function sitemapElement(root: string, child: string, entries: readonly Readonly<Record<string, string>>[]): string {
  const fields = (entry: Readonly<Record<string, string>>) => Object.entries(entry).map(([name, value]) => `<${name}>${escapeHtml(value)}</${name}>`);
  const lines = entries.map((entry) => `  <${child}>${fields(entry).join('')}</${child}>`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${lines.join('\n')}\n</${root}>\n`;
}

const answer = (contentType: string, body: string): SiteAnswer => ({ status: 200, headers: { 'content-type': contentType }, body: Buffer.from(body) });
const xml = (body: string): SiteAnswer => answer('application/xml', body);

const html = (status: number, title: string, text: string): SiteAnswer => ({
  ...answer('text/html; charset=utf-8', `<!doctype html>\n<html lang="en"><head><title>${title}</title></head><body><main><h1>${title}</h1><p>${escapeHtml(text)}</p></main></body></html>\n`),
  status,
});

const redirect = (status: number, location: string): SiteAnswer => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', location },
  body: Buffer.from(`<!doctype html>\n<p>Moved to <a href="${location}">${location}</a>.</p>\n`),
});
