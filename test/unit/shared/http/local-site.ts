import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Server } from 'node:net';

export interface LocalSite {
  readonly origin: string;
  readonly host: string;
  /** Paths asked for, in order. */
  readonly journal: string[];
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP site on a free loopback port. Without a route for robots.txt it answers 404 there. */
export async function serveSite(routes: Readonly<Record<string, Handler>>): Promise<LocalSite> {
  const journal: string[] = [];
  const server = createServer((request, response) => {
    journal.push(request.url ?? '');
    const route = routes[request.url ?? ''];
    if (route) return route(request, response);
    response.writeHead(404).end('no such page');
  });
  return listen(server, journal);
}

/** Answers every request that is not for robots.txt with exactly these bytes, then ends the connection. */
export async function serveRaw(answer: string | Uint8Array): Promise<LocalSite> {
  const journal: string[] = [];
  const server = createRawServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const path = data.toString('latin1').split(' ')[1] ?? '';
      journal.push(path);
      socket.end(path === '/robots.txt' ? 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' : answer);
    });
  });
  return listen(server, journal);
}

async function listen(server: Server & { closeAllConnections?: () => void }, journal: string[]): Promise<LocalSite> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    origin: `http://${host}`,
    journal,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections?.();
      }),
  };
}

export const html =
  (text: string, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(text);

export const bytes =
  (body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': String(body.byteLength), ...headers }).end(body);

export const redirect =
  (location: string, status = 302): Handler =>
  (_, response) =>
    response.writeHead(status, { location }).end();
