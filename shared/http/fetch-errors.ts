import type { ItemError } from '../rows.ts';

/** Every way in which a fetch can fail. The names are stable: callers match on them; `docs/processors/llms-txt.md` has the table. */
export const FETCH_ERRORS = {
  InvalidUrlError: { retryable: false },
  AddressBlockedError: { retryable: false },
  /** The name does not exist. */
  DnsError: { retryable: false },
  /** The resolver did not answer. */
  DnsUnavailableError: { retryable: true },
  ConnectionError: { retryable: true },
  TlsError: { retryable: false },
  ConnectTimeoutError: { retryable: true },
  HeadersTimeoutError: { retryable: true },
  BodyTimeoutError: { retryable: true },
  TotalTimeoutError: { retryable: true },
  AbortedError: { retryable: true },
  ProtocolError: { retryable: false },
  HttpStatusError: { retryable: false },
  TruncatedBodyError: { retryable: true },
  BodyTooLargeError: { retryable: false },
  BadEncodingError: { retryable: false },
  UnsupportedEncodingError: { retryable: false },
  UnsupportedMediaTypeError: { retryable: false },
  TooManyRedirectsError: { retryable: false },
  RedirectLoopError: { retryable: false },
  BadRedirectError: { retryable: false },
  RobotsUnavailableError: { retryable: true },
  /** The host has not answered for minutes. */
  HostDownError: { retryable: true },
} as const;

export type FetchErrorName = keyof typeof FETCH_ERRORS;

export interface Refusal {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the parts of the fetcher throw among themselves; `fetchPage` answers it as an `ItemError`. */
export class FetchFault extends Error {
  override readonly name = 'FetchFault';
  readonly error: ItemError;
  /** Of the response, if there was one that says no. */
  readonly refusal?: Refusal;
  constructor(name: FetchErrorName, message: string, retryable: boolean = FETCH_ERRORS[name].retryable, refusal?: Refusal) {
    super(message);
    this.error = { name, message, retryable };
    if (refusal) this.refusal = refusal;
  }
}

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export const httpStatusFault = (refusal: Refusal, url: string): FetchFault =>
  new FetchFault('HttpStatusError', `expected status 200, got ${refusal.status} from ${url}`, RETRYABLE_STATUS.has(refusal.status), refusal);

/** The host did not answer at all: enough of these in a row open its breaker. */
export const isSilence = ({ error: { name } }: FetchFault): boolean => SILENCES.has(name);
const SILENCES: ReadonlySet<string> = new Set(['ConnectionError', 'ConnectTimeoutError', 'HeadersTimeoutError', 'BodyTimeoutError', 'TotalTimeoutError', 'DnsUnavailableError'] satisfies FetchErrorName[]);

const TIMEOUTS: ReadonlySet<string> = new Set(['HeadersTimeoutError', 'BodyTimeoutError', 'TotalTimeoutError'] satisfies FetchErrorName[]);
export const isTimeout = ({ error: { name } }: FetchFault): boolean => TIMEOUTS.has(name);

/** Error codes of Node and undici, by the name that they get here. */
const NAME_BY_CODE: Readonly<Record<string, FetchErrorName>> = {
  ERR_IP_BLOCKED: 'AddressBlockedError',
  ENOTFOUND: 'DnsError',
  EAI_NONAME: 'DnsError',
  EAI_NODATA: 'DnsError',
  EAI_AGAIN: 'DnsUnavailableError',
  EAI_FAIL: 'DnsUnavailableError',
  ECONNREFUSED: 'ConnectionError',
  ECONNRESET: 'ConnectionError',
  EHOSTUNREACH: 'ConnectionError',
  ENETUNREACH: 'ConnectionError',
  EPIPE: 'ConnectionError',
  ETIMEDOUT: 'ConnectTimeoutError',
  UND_ERR_SOCKET: 'ConnectionError',
  UND_ERR_CONNECT_TIMEOUT: 'ConnectTimeoutError',
  UND_ERR_HEADERS_TIMEOUT: 'HeadersTimeoutError',
  UND_ERR_BODY_TIMEOUT: 'BodyTimeoutError',
  UND_ERR_HEADERS_OVERFLOW: 'ProtocolError',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'TruncatedBodyError',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'BodyTooLargeError',
};

/** Names a transport error by its code, or by those inside an AggregateError (one for each address tried). */
export function toFetchFault(error: unknown, url: string): FetchFault {
  if (error instanceof FetchFault) return error;
  const causes = error instanceof AggregateError ? [error, ...(error.errors as unknown[])] : [error];
  const names = causes.map(nameOf).filter((name) => name !== undefined);
  const name = names.includes('AddressBlockedError') ? 'AddressBlockedError' : (names[0] ?? 'ConnectionError');
  const code = codeOf(error) ?? '';
  const text = error instanceof Error ? error.message : String(error);
  return new FetchFault(name, `${text || code || 'the connection failed'} (${url})`);
}

function nameOf(error: unknown): FetchErrorName | undefined {
  if (error instanceof Error && error.name === 'HTTPParserError') return 'ProtocolError';
  const code = codeOf(error);
  if (code === undefined) return undefined;
  if (code.startsWith('HPE_')) return 'ProtocolError';
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_OSSL)/.test(code)) return 'TlsError';
  return NAME_BY_CODE[code];
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
