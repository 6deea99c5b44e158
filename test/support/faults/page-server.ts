import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Tiny pages of plain text on a free port of the loopback, and a journal of every request for one. */
export interface PageServer {
  /** In the order of the manifest. */
  readonly urls: readonly string[];
  /** How often each page was asked for, by its line, 1 is the first. */
  readonly requests: ReadonlyMap<number, number>;
  /** What the server says of a line: the text of its page, or undefined where there is none. */
  textOf(line: number): string | undefined;
  stop(): Promise<void>;
}

/** Every so many-th page is not there. */
const MISSING_EVERY = 13;

export async function startPageServer(pages: number): Promise<PageServer> {
  const requests = new Map<number, number>();
  const textOf = (line: number): string | undefined => (line % MISSING_EVERY === 0 ? undefined : `# Page ${line}\n\nThe text of page ${line}.`);
  const server = createServer((request, response) => {
    const line = Number(/^\/page-(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
    if (line > 0) requests.set(line, (requests.get(line) ?? 0) + 1);
    const text = line > 0 ? textOf(line) : undefined;
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(text ?? 'not found');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urls: Array.from({ length: pages }, (_, i) => `http://127.0.0.1:${port}/page-${i + 1}`),
    requests,
    textOf,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
