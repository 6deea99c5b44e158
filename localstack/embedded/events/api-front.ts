import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ACCOUNT, REGION, type InvokeAnswer } from '../contracts.ts';
import type { ApiPlan } from '../template/stack-plan.ts';
import { apiEvent } from './api-event.ts';
import { matchRoute } from './api-routes.ts';
import { isRecord, recordOf } from '../template/json.ts';

/** API Gateway's limits. */
const MAX_BODY_BYTES = 10 * 1_048_576;
const INTEGRATION_TIMEOUT_MS = 29_000;

export interface ApiFrontOptions {
  readonly api: ApiPlan;
  readonly invoke: (functionName: string, event: unknown, sourceArn: string) => Promise<InvokeAnswer>;
  /** A free one by default. */
  readonly port?: number;
  readonly timeoutMs?: number;
}

export interface ApiFront {
  /** `http://127.0.0.1:<port>`; the stage is `/<stage>/`, and `/` too. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Serves a REST API's Lambda proxy integrations on 127.0.0.1. */
export async function startApiFront(options: ApiFrontOptions): Promise<ApiFront> {
  const server = createServer((request, response) => {
    serve(options, request, response).catch(() => sendMessage(response, 500, 'Internal server error'));
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve({ api, invoke, timeoutMs = INTEGRATION_TIMEOUT_MS }: ApiFrontOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const path = withoutStage(url.pathname, api.stage);
  const match = matchRoute(api.routes, request.method ?? 'GET', path);
  // API Gateway answers so for every path and method that it does not have.
  if (match === undefined) return sendMessage(response, 403, 'Missing Authentication Token');
  const body = await readBody(request);
  if (body === undefined) return sendMessage(response, 413, 'Request Too Long');
  const event = apiEvent(api, { request, match, path, query: url.searchParams, body, now: new Date() });
  const answer = await withTimeout(invoke(match.route.functionName, event, sourceArn(api, request.method ?? 'GET', match.route.path)), timeoutMs);
  if (answer === undefined) sendMessage(response, 504, 'Endpoint request timed out');
  else sendAnswer(response, answer);
}

/** API Gateway names the method that was called and the path of its resource. */
const sourceArn = ({ id, stage }: ApiPlan, method: string, path: string): string => `arn:aws:execute-api:${REGION}:${ACCOUNT}:${id}/${stage}/${method}${path}`;

function withoutStage(path: string, stage: string): string {
  if (path === `/${stage}`) return '/';
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
}

/** undefined if it is longer than API Gateway takes. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks);
}

async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), ms)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const ANSWER_KEYS = new Set(['statusCode', 'headers', 'multiValueHeaders', 'body', 'isBase64Encoded']);

function sendAnswer(response: ServerResponse, answer: InvokeAnswer): void {
  const payload = answer.ok ? answer.payload : undefined;
  if (!isProxyAnswer(payload)) return sendMessage(response, 502, 'Internal server error');
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = payload;
  for (const [name, value] of Object.entries(recordOf(headers))) response.setHeader(name, String(value));
  for (const [name, values] of Object.entries(recordOf(multiValueHeaders))) response.setHeader(name, [values].flat().map(String));
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json');
  response.statusCode = Number(statusCode);
  response.end(Buffer.from(typeof body === 'string' ? body : '', isBase64Encoded === true ? 'base64' : 'utf8'));
}

interface ProxyAnswer {
  readonly statusCode: unknown;
  readonly headers?: unknown;
  readonly multiValueHeaders?: unknown;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
}

/** API Gateway calls any other form a malformed Lambda proxy response. */
function isProxyAnswer(payload: unknown): payload is ProxyAnswer {
  if (!isRecord(payload) || !Object.keys(payload).every((key) => ANSWER_KEYS.has(key))) return false;
  const { statusCode, body } = payload;
  const isStatus = Number.isInteger(Number(statusCode)) && Number(statusCode) >= 100 && Number(statusCode) <= 599;
  return isStatus && (body === undefined || body === null || typeof body === 'string');
}

function sendMessage(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}
