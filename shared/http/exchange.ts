import type { Dispatcher } from 'undici';
import { ACCEPTED_ENCODINGS, unpackBody } from './content-encoding.ts';
import { FetchFault, httpStatusFault, toFetchFault } from './fetch-errors.ts';

/** One request and its answer, without redirects, robots and limits. */
export interface ExchangeRequest {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly userAgent: string;
  readonly mediaTypes?: readonly string[];
  readonly maxBodyBytes: number;
  /** A longer body is cut there instead of being an error (robots.txt). */
  readonly cutsBody?: boolean;
  readonly timeouts: Timeouts;
}

/** All in milliseconds. */
export interface Timeouts {
  readonly connectMs: number;
  /** From the request to the end of the response's headers. */
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly bodyMs: number;
  /** The whole exchange. */
  readonly totalMs: number;
}

export type Exchange =
  | { readonly kind: 'response'; readonly status: number; readonly mediaType: string; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }
  | { readonly kind: 'redirect'; readonly location: string };

const REDIRECT_STATUS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** @throws FetchFault: every failure has its name; a status other than 2xx is one */
export async function exchange(dispatcher: Dispatcher, request: ExchangeRequest): Promise<Exchange> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), request.timeouts.totalMs);
  const signal = AbortSignal.any([request.signal, deadline.signal]);
  try {
    return await converse(dispatcher, request, signal);
  } catch (error) {
    if (error instanceof FetchFault) throw error;
    if (request.signal.aborted) throw new FetchFault('AbortedError', `the caller gave up on ${request.url}`);
    if (deadline.signal.aborted) throw new FetchFault('TotalTimeoutError', `expected the whole response within ${request.timeouts.totalMs} ms (${request.url})`);
    throw toFetchFault(error, request.url);
  } finally {
    clearTimeout(timer);
  }
}

async function converse(dispatcher: Dispatcher, request: ExchangeRequest, signal: AbortSignal): Promise<Exchange> {
  const { origin, pathname, search } = new URL(request.url);
  const response = await dispatcher.request({
    origin,
    path: `${pathname}${search}`,
    method: 'GET',
    headers: { 'user-agent': request.userAgent, accept: acceptOf(request.mediaTypes), 'accept-encoding': request.cutsBody ? 'identity' : ACCEPTED_ENCODINGS },
    headersTimeout: request.timeouts.headersMs,
    bodyTimeout: request.timeouts.bodyMs,
    signal,
  });
  // A body that is destroyed unread reports it as an error of its own.
  response.body.on('error', () => undefined);
  try {
    return await readAnswer(response, request);
  } catch (error) {
    response.body.destroy();
    throw error;
  }
}

async function readAnswer(response: Dispatcher.ResponseData, request: ExchangeRequest): Promise<Exchange> {
  const { statusCode: status } = response;
  const headers = flattenHeaders(response.headers);
  if (REDIRECT_STATUS.has(status) && headers['location'] !== undefined) {
    response.body.destroy();
    return { kind: 'redirect', location: headers['location'] };
  }
  if (status < 200 || status > 299) throw httpStatusFault({ status, headers }, request.url);
  const mediaType = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (request.mediaTypes && mediaType !== '' && !request.mediaTypes.includes(mediaType)) {
    throw new FetchFault('UnsupportedMediaTypeError', `expected ${request.mediaTypes.join(' or ')}, got ${mediaType} from ${request.url}`);
  }
  const { bytes, isCut } = await readWire(response, headers, request);
  const body = await unpackBody(bytes, headers['content-encoding'] ?? '', { maxBytes: request.maxBodyBytes, isCut });
  return { kind: 'response', status, mediaType, headers, body };
}

interface Wire {
  readonly bytes: Uint8Array;
  readonly isCut: boolean;
}

/** @throws FetchFault when it is too long, or ends before Content-Length or the last chunk */
async function readWire(response: Dispatcher.ResponseData, headers: Readonly<Record<string, string>>, request: ExchangeRequest): Promise<Wire> {
  const { maxBodyBytes, cutsBody = false, url } = request;
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  const tooLarge = (got: string) => new FetchFault('BodyTooLargeError', `expected at most ${maxBodyBytes} bytes, got ${got} from ${url}`);
  if (announced !== undefined && announced > maxBodyBytes && !cutsBody) throw tooLarge(String(announced));
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      total += chunk.byteLength;
      if (total <= maxBodyBytes) continue;
      if (!cutsBody) throw tooLarge('more');
      response.body.destroy();
      return { bytes: Buffer.concat(chunks).subarray(0, maxBodyBytes), isCut: true };
    }
  } catch (error) {
    throw isCutOff(error) ? new FetchFault('TruncatedBodyError', `the connection ended after ${total} bytes of the body of ${url}`) : error;
  }
  if (announced !== undefined && announced !== total) {
    throw new FetchFault('TruncatedBodyError', `expected ${announced} bytes, got ${total} from ${url}`);
  }
  return { bytes: Buffer.concat(chunks), isCut: false };
}

const CUT_OFF_CODES: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'HPE_INVALID_EOF_STATE']);
const isCutOff = (error: unknown): boolean => error instanceof Error && 'code' in error && CUT_OFF_CODES.has(String(error.code));

const acceptOf = (mediaTypes: readonly string[] | undefined): string => (mediaTypes ? `${mediaTypes.join(', ')}, */*;q=0.1` : '*/*');

const flattenHeaders = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]])));
