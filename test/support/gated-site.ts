import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Pages on a free loopback port. Those from `gatedFrom` on are answered only once the gate is open: work that is under way for as long as a test likes. */
export interface GatedSite {
  url(page: number): string;
  /** Pages asked for, in order. */
  readonly asked: number[];
  /** Pages that wait at the gate. */
  readonly waiting: () => number;
  openGate(): void;
  /** What pages answer from now on. */
  setStatus(statusOf: (page: number) => number): void;
  close(): Promise<void>;
}

export async function startGatedSite(gatedFrom: number): Promise<GatedSite> {
  const asked: number[] = [];
  const held: (() => void)[] = [];
  let isOpen = false;
  let statusOf = (_page: number): number => 200;
  const answer = (response: ServerResponse, page: number) => {
    response.writeHead(statusOf(page), { 'content-type': 'text/html; charset=utf-8' }).end(`<main><h1>Page ${page}</h1><p>${`A sentence of page ${page}. `.repeat(30)}</p></main>`);
  };
  const server = createServer((request, response) => {
    const page = Number(/^\/page-(\d+)$/.exec(request.url ?? '')?.[1] ?? NaN);
    if (Number.isNaN(page)) return void response.writeHead(404).end();
    asked.push(page);
    if (isOpen || page < gatedFrom) answer(response, page);
    else held.push(() => answer(response, page));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const openGate = () => {
    isOpen = true;
    for (const release of held.splice(0)) release();
  };
  return {
    url: (page) => `http://127.0.0.1:${port}/page-${page}`,
    asked,
    waiting: () => held.length,
    openGate,
    setStatus: (next) => void (statusOf = next),
    async close() {
      openGate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
