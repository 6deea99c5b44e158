import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ExampleSite {
  /** Origin with a trailing slash: the home page. */
  readonly url: string;
  /** Pages that its sitemaps list. */
  readonly pages: number;
  stop(): Promise<void>;
}

/** Serves the site on a free port of the loopback. */
export async function startExampleSite(): Promise<ExampleSite> {
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Weirwright</h1>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    pages: 1,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
