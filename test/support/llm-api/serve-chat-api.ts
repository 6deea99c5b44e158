import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { ChatApi, type ChatApiOptions, type ChatRequest } from './chat-api.ts';

export interface RunningChatApi {
  /** `http://127.0.0.1:<port>/v1` */
  readonly url: string;
  readonly api: ChatApi;
  stop(): Promise<void>;
}

/** Serves the stand-in on 127.0.0.1. @param latencyMs of each answer */
export async function serveChatApi(options: ChatApiOptions, { port = 0, latencyMs = 0 } = {}): Promise<RunningChatApi> {
  const api = new ChatApi(options);
  const server = createServer((request, response) => {
    void (async () => {
      const arrivedAt = Date.now();
      const body = JSON.parse(await text(request)) as ChatRequest;
      const answer = api.handle(body, request.headers.authorization, arrivedAt);
      setTimeout(() => response.writeHead(answer.status, { ...answer.headers, 'content-type': 'application/json' }).end(JSON.stringify(answer.body)), latencyMs);
    })();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    api,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, requests: { type: 'string', default: '450' }, tokens: { type: 'string', default: '450000' }, seconds: { type: 'string', default: '60' }, key: { type: 'string' }, latency: { type: 'string', default: '200' } } });
  const limits = { requests: Number(values.requests), tokens: Number(values.tokens), windowMs: 1000 * Number(values.seconds) };
  const running = await serveChatApi({ limits, ...(values.key !== undefined && { key: values.key }) }, { port: Number(values.port), latencyMs: Number(values.latency) });
  process.stdout.write(`${running.url}\n`);
  process.once('SIGINT', () => {
    const { answered, refused, tokens } = running.api.counts;
    process.stderr.write(`${answered} answered, ${refused} refused with 429, ${tokens} tokens\n`);
    void running.stop();
  });
}
