import { Agent, type Dispatcher } from 'undici';
import type { JsonPost, JsonPostAnswer, JsonTransport } from '../api-call.ts';
import { assertGuardBlocks, createAddressGuard, type ResolveName } from './address-guard.ts';
import { toFetchFault } from './fetch-errors.ts';

export interface JsonTransportOptions {
  /** Networks that may be reached although they are not public, such as `127.0.0.0/8`: a model that runs on this machine. */
  readonly allowedNetworks: readonly string[];
  /** What servers see. */
  readonly userAgent: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** @default the system's resolver */
  readonly resolveName?: ResolveName;
}

export interface GuardedJsonTransport extends JsonTransport {
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** Posts JSON to public addresses only, and to what the operator allowed. Redirects are not followed: a key goes to where it was meant for. */
export function createJsonTransport({ allowedNetworks, userAgent, clock, resolveName }: JsonTransportOptions): GuardedJsonTransport {
  const guard = createAddressGuard({ allowedNetworks, clock, ...(resolveName && { resolveName }) });
  const isGuardProven = assertGuardBlocks();
  // Whoever posts awaits it; before that it is nobody's unhandled rejection.
  isGuardProven.catch(() => undefined);
  const agent = new Agent({ allowH2: false, connect: { blockList: guard.blockList, lookup: guard.lookup, timeout: CONNECT_MS } });
  return {
    async prepare(url) {
      await isGuardProven;
      const hostname = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? '';
      return guard.resolve(hostname).then(
        () => undefined,
        (error: unknown) => faultOf(error, url),
      );
    },
    post: (request) => post(agent, userAgent, request),
    close: () => agent.destroy(),
  };
}

async function post(agent: Dispatcher, userAgent: string, request: JsonPost): Promise<JsonPostAnswer> {
  const deadline = AbortSignal.timeout(request.timeoutMs);
  try {
    return await exchange(agent, userAgent, request, AbortSignal.any([request.signal, deadline]));
  } catch (error) {
    return deadline.aborted ? { kind: 'timed out' } : faultOf(error, request.url);
  }
}

async function exchange(agent: Dispatcher, userAgent: string, { url, key, body, timeoutMs }: JsonPost, signal: AbortSignal): Promise<JsonPostAnswer> {
  const { origin, pathname, search } = new URL(url);
  const response = await agent.request({
    origin,
    path: `${pathname}${search}`,
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': userAgent, ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal,
  });
  // A body that is destroyed unread reports it as an error of its own.
  response.body.on('error', () => undefined);
  return { kind: 'response', status: response.statusCode, headers: textHeaders(response.headers), body: await readText(response) };
}

async function readText({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    total += chunk.byteLength;
    if (total > MAX_ANSWER_BYTES) throw new Error(`expected an answer of at most ${MAX_ANSWER_BYTES} bytes, got more`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function faultOf(error: unknown, url: string): Extract<JsonPostAnswer, { readonly kind: 'blocked' | 'silent' }> {
  const { name, message } = toFetchFault(error, url).error;
  return { kind: name === 'AddressBlockedError' ? 'blocked' : 'silent', reason: message };
}

const textHeaders = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), [value].flat().join(', ')]])));
