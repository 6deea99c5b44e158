import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { buildAnswers, notFound } from './site-answers.ts';
import type { SiteAnswer } from './site-answers.ts';
import { readSitePages } from './site-content.ts';

export interface ExampleSite {
  /** The home page: origin with a slash at its end. */
  readonly url: string;
  /** Pages that the sitemaps list and that answer 200, without the legacy addresses. */
  readonly pages: number;
  stop(): Promise<void>;
}

export interface ExampleSiteSettings {
  /** Lists the old addresses in the sitemap too: redirects, duplicates, one that robots.txt forbids, a 404 and a 500. @default true */
  readonly withFaults?: boolean;
  /** 0 takes a free one. @default 0 */
  readonly port?: number;
}

/** Serves the manual of Weirwright, a product that does not exist, on 127.0.0.1. */
export async function startExampleSite({ withFaults = true, port = 0 }: ExampleSiteSettings = {}): Promise<ExampleSite> {
  const pages = readSitePages();
  let answers: ReadonlyMap<string, SiteAnswer> = new Map();
  const server = createServer((request, response) => respond(request, response, answers));
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, '127.0.0.1', listening.resolve);
  await listening.promise;
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answers = buildAnswers(pages, { origin, withFaults });
  return {
    url: `${origin}/`,
    pages: pages.length,
    async stop() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

function respond(request: IncomingMessage, response: ServerResponse, answers: ReadonlyMap<string, SiteAnswer>): void {
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const path = (request.url ?? '/').split('?')[0]!;
  const { status, headers, body } = answers.get(path) ?? notFound(path);
  // Weak: the same page goes out in several codings.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  if (status === 200 && request.headers['if-none-match'] === etag) {
    response.writeHead(304, { etag }).end();
    return;
  }
  const { coding, bytes } = encodeBody(body, headers['content-type'] ?? '', request.headers['accept-encoding'] ?? '');
  const coded = coding === undefined ? {} : { 'content-encoding': coding };
  response.writeHead(status, { ...headers, ...coded, ...(status === 200 && { etag }), vary: 'accept-encoding', 'content-length': bytes.length });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

const FAST_BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Brotli for pages and gzip for the rest of the text, where the client takes them. */
function encodeBody(body: Buffer, contentType: string, accepted: string): { coding?: 'br' | 'gzip'; bytes: Buffer } {
  if (contentType.startsWith('text/html') && /\bbr\b/.test(accepted)) return { coding: 'br', bytes: brotliCompressSync(body, FAST_BROTLI) };
  if (/^text\/|xml$/.test(contentType.split(';')[0]!) && /\bgzip\b/.test(accepted)) return { coding: 'gzip', bytes: gzipSync(body) };
  return { bytes: body };
}

if (import.meta.main) {
  const site = await startExampleSite({ port: Number(process.env['PORT'] ?? 0) });
  console.log(`${site.pages} pages on ${site.url} (Ctrl-C ends it)`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void site.stop());
}
