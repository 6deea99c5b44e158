import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startPageHosts } from './page-hosts.ts';
import { readRealPages, type RealPage } from './real-pages.ts';

/** A process of its own, so that its CPU time is nobody else's: reads one PageServerRequest, answers with the URLs, serves until it is ended. */

export interface PageServerRequest {
  readonly pages: number;
  readonly hosts: number;
  /** Real pages if there are any, else generated ones. */
  readonly isReal: boolean;
  /** Of a generated page. */
  readonly pageBytes: number;
}

export interface PageServerAnswer {
  readonly urls: readonly string[];
  readonly isReal: boolean;
}

process.once('message', (request: PageServerRequest) => void answer(request));
process.once('disconnect', () => process.exit());

async function answer(request: PageServerRequest): Promise<void> {
  const real = request.isReal ? await readRealPages(request.pages) : [];
  const urls = real.length > 0 ? await serveReal(real, request.hosts) : await serveGenerated(request);
  process.send!({ urls, isReal: real.length > 0 } satisfies PageServerAnswer);
}

async function serveGenerated({ hosts, pages, pageBytes }: PageServerRequest): Promise<readonly string[]> {
  return (await startPageHosts({ hosts, pages, pageBytes, faultRatio: 0, seed: 7 })).urls;
}

/** Packed for whoever asks for gzip, plain for others. */
async function serveReal(pages: readonly RealPage[], hosts: number): Promise<string[]> {
  const servers = Array.from({ length: hosts }, () =>
    createServer((request, response) => {
      const page = pages[Number(/^\/pages\/(\d+)$/.exec(request.url ?? '')?.[1])];
      if (!page) return void response.writeHead(404).end();
      const isPacked = String(request.headers['accept-encoding']).includes('gzip');
      const body = isPacked ? page.gzipped : page.html;
      response.writeHead(200, { 'content-type': 'text/html', 'content-length': body.byteLength, ...(isPacked && { 'content-encoding': 'gzip' }) }).end(body);
    }),
  );
  const origins = await Promise.all(servers.map(listen));
  return pages.map((_, page) => `${origins[page % origins.length]}/pages/${page}`);
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
