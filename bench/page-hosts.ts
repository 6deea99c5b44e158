import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createRandom, type Random } from './random.ts';

/** Web sites on free ports of the loopback, each page made from a seed; some answer badly. They keep a journal of what they really answered. */

/** How a page answers. `silent` accepts the request and never answers; `broken` ends in the middle of its body. */
export type PageKind = 'page' | 'not found' | 'server error' | 'silent' | 'broken' | 'broken gzip';

const FAULTS: readonly PageKind[] = ['not found', 'server error', 'silent', 'broken', 'broken gzip'];

export interface JournalEntry {
  readonly url: string;
  readonly kind: PageKind;
}

export interface PageHosts {
  /** Every page of every host, in the order of the manifest. */
  readonly urls: readonly string[];
  /** Answered requests for pages, in order; robots.txt and the like are not in it. */
  readonly journal: readonly JournalEntry[];
  stop(): Promise<void>;
}

export interface PageHostsOptions {
  readonly hosts: number;
  /** Pages over all hosts. */
  readonly pages: number;
  /** Share of pages that answer badly. */
  readonly faultRatio: number;
  /** About this many bytes of HTML a page. */
  readonly pageBytes: number;
  readonly seed: number;
}

export async function startPageHosts(options: PageHostsOptions): Promise<PageHosts> {
  const journal: JournalEntry[] = [];
  const kinds = chooseKinds(options);
  const body = gzipSync(makePage(options.pageBytes, options.seed));
  const servers = await Promise.all(Array.from({ length: options.hosts }, () => startHost(kinds, body, journal)));
  const urls = kinds.map((_, page) => `${servers[page % servers.length]!.origin}/${SECTIONS[page % SECTIONS.length]}/page-${page}.html`);
  return {
    urls,
    journal,
    stop: async () => void (await Promise.all(servers.map(({ server }) => stopHost(server)))),
  };
}

const SECTIONS = ['guides', 'reference', 'blog'];

function chooseKinds({ pages, faultRatio, seed }: PageHostsOptions): PageKind[] {
  const random = createRandom(seed);
  return Array.from({ length: pages }, () => (random() < faultRatio ? FAULTS[Math.floor(random() * FAULTS.length)]! : 'page'));
}

async function startHost(kinds: readonly PageKind[], body: Uint8Array, journal: JournalEntry[]): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const page = /\/page-(\d+)\.html$/.exec(request.url ?? '')?.[1];
    const kind = page === undefined ? 'not found' : (kinds[Number(page)] ?? 'not found');
    if (page !== undefined) journal.push({ url: `http://${request.headers.host}${request.url}`, kind });
    ANSWERS[kind](response, body, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function stopHost(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

const HTML = { 'content-type': 'text/html; charset=utf-8' };
const GZIPPED = { ...HTML, 'content-encoding': 'gzip' };

const ANSWERS: Record<PageKind, (response: ServerResponse, body: Uint8Array, request: IncomingMessage) => void> = {
  page: (response, body) => void response.writeHead(200, { ...GZIPPED, 'content-length': body.byteLength }).end(body),
  'not found': (response) => void response.writeHead(404, HTML).end('<h1>Not found</h1>'),
  'server error': (response) => void response.writeHead(500, HTML).end('<h1>Server error</h1>'),
  silent: () => {},
  broken: (response) => {
    response.writeHead(200, { ...HTML, 'content-length': 10_000 });
    response.write('<p>The beginning of a page', () => response.destroy());
  },
  'broken gzip': (response, body) => {
    const half = body.subarray(0, body.byteLength / 2);
    response.writeHead(200, { ...GZIPPED, 'content-length': half.byteLength }).end(half);
  },
};

const WORDS =
  'water gate river level sluice valve pressure flow basin weir channel pump filter station keeper winter summer report measure record open close check repair plan safe slow fast high low'.split(' ');

/** An article of headings, paragraphs, a list and a table, with navigation around it. */
function makePage(bytes: number, seed: number): string {
  const random = createRandom(seed + 1);
  const parts: string[] = [];
  for (let size = 0; size < bytes; ) {
    const part = parts.length % 6 === 5 ? `<h2>${sentence(random, 4)}</h2>` : `<p>${Array.from({ length: 5 }, () => sentence(random, 14)).join(' ')}</p>`;
    parts.push(part);
    size += part.length;
  }
  const links = Array.from({ length: 20 }, (_, i) => `<li><a href="/guides/page-${i}.html">${sentence(random, 3)}</a></li>`).join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${sentence(random, 5)}</title><meta name="description" content="${sentence(random, 12)}"></head>
<body><nav><ul>${links}</ul></nav><main><article><h1>${sentence(random, 5)}</h1>${parts.join('\n')}</article></main><footer>${sentence(random, 8)}</footer></body></html>`;
}

function sentence(random: Random, words: number): string {
  const text = Array.from({ length: words }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
