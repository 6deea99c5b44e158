import type { Held } from './limiter.ts';
import type { ItemError, JsonObject } from './rows.ts';

/** A call of an API that speaks JSON. What the API is called, where it is and its key are the operator's: a run names it and no more. */
export interface ApiCall {
  /** The operator's name of it, such as `openai`. */
  readonly api: string;
  /** Limits are counted for each: keys `api:<api>:<model>:requests` and `…:tokens`. */
  readonly model: string;
  /** Below the API's URL, with its slash: `/chat/completions`. */
  readonly path: string;
  readonly body: JsonObject;
  readonly tokens: TokenEstimate;
  /** Tokens that the answer says it took; undefined: it does not say. */
  readonly readUsage: (answer: JsonObject) => TokenUsage | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What a call may take, in tokens: integers from 0. */
export interface TokenEstimate {
  /** Counted in what is sent. */
  readonly input: number;
  /** The answer's most: how much of it is really used is learned. */
  readonly maxOutput: number;
  /** Calls that are alike, such as those of one template: what one took says what the next may take. */
  readonly kind: string;
}

export interface TokenUsage {
  readonly input: number;
  readonly output: number;
}

export type ApiAnswer =
  /** Nothing was sent, or the API refused it for its rate. */
  | Held
  | { readonly kind: 'answered'; readonly body: JsonObject }
  | { readonly kind: 'failed'; readonly error: ItemError };

/** Never rejects but for a fault of the stack itself. Waits a few seconds at most for limits. */
export type ApiCaller = (call: ApiCall) => Promise<ApiAnswer>;

/** Every way in which a call can fail. The names are stable: `docs/processors/generate.md` has the table. */
export const API_ERRORS = {
  /** Nobody configured an API of that name. */
  ApiNotConfiguredError: { retryable: false },
  /** Its key was refused (401, 403). */
  ApiAuthError: { retryable: false },
  /** The account has no money or quota left: no waiting helps. */
  ApiQuotaError: { retryable: false },
  /** It can't be served as it is (other 4xx). */
  ApiRequestError: { retryable: false },
  /** It takes more tokens than the limit ever lets start at once. */
  ApiRequestTooLargeError: { retryable: false },
  /** The API failed (5xx), or did not answer. */
  ApiUnavailableError: { retryable: true },
  /** No answer within the call's time. */
  ApiTimeoutError: { retryable: true },
  /** Something else than JSON came. */
  ApiAnswerError: { retryable: true },
  /** Its address is not public, and the operator did not allow that network. */
  AddressBlockedError: { retryable: false },
} as const;

export type ApiErrorName = keyof typeof API_ERRORS;

/** Where an API is, and what opens it. */
export interface ApiAccess {
  /** `https://api.openai.com/v1`, without a slash at its end. */
  readonly url: string;
  readonly key?: string;
}

/** The operator's APIs. @throws ConfigurationError for one that can't be read */
export interface ApiDirectory {
  find(name: string): Promise<ApiAccess | undefined>;
}

/** One exchange of JSON. A body that does not fit is cut off with an error. */
export interface JsonPost {
  readonly url: string;
  readonly key?: string;
  /** JSON. */
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export type JsonPostAnswer =
  | { readonly kind: 'response'; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'silent'; readonly reason: string }
  | { readonly kind: 'timed out' };

/** `prepare` does what may take time before a start is asked for: it finds out the address. */
export interface JsonTransport {
  prepare(url: string): Promise<Extract<JsonPostAnswer, { readonly kind: 'blocked' | 'silent' }> | undefined>;
  post(request: JsonPost): Promise<JsonPostAnswer>;
}
