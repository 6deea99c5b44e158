import { z } from 'zod';
import { API_ERRORS, type ApiAccess, type ApiAnswer, type ApiCall, type ApiDirectory, type ApiErrorName, type JsonPostAnswer, type JsonTransport, type TokenEstimate } from '../api-call.ts';
import { keysOf, type LimitSettings } from '../limit-settings.ts';
import type { CallEnd, Held, Limiter, LimitUse, StartedCall } from '../limiter.ts';
import { parseJson } from '../parse-json.ts';
import type { JsonObject } from '../rows.ts';
import { LearnedShare } from './learned-share.ts';
import { exhaustedUntil, retryAfterOf } from './throttle-headers.ts';

export interface ApiCallerPorts {
  readonly apis: ApiDirectory;
  readonly limiter: Limiter;
  readonly settings: () => Promise<LimitSettings>;
  readonly transport: JsonTransport;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Whose call it is: limits may name them. */
export interface Caller {
  readonly tenant: string;
  readonly group?: string;
}

/** A counter of tokens is another one than the model's own: it may be wrong by this factor. */
const MOST_TOKENS_FOR_COUNTED = 4;
/** Without a Retry-After the item comes back after this; the key's own pause grows with each throttle. */
const THROTTLED_FOR_MS = 1000;
const MAX_MESSAGE_CHARACTERS = 500;
/** 529: overloaded, as some APIs say it. */
const BUSY_STATUS: ReadonlySet<number> = new Set([503, 529]);
const QUOTA_CODE = /insufficient_quota|billing/;

/** Calls the operator's APIs: requests and tokens are reserved before each call, at once for both, and corrected after it. */
export class LimitedApiCaller {
  readonly #ports: ApiCallerPorts;
  readonly #outputs = new LearnedShare();
  readonly #inputs = new LearnedShare(MOST_TOKENS_FOR_COUNTED);

  constructor(ports: ApiCallerPorts) {
    this.#ports = ports;
  }

  async call(call: ApiCall, caller: Caller): Promise<ApiAnswer> {
    const access = await this.#ports.apis.find(call.api);
    if (!access) return fail('ApiNotConfiguredError', `expected the operator to have configured the API ${call.api}, it is not: docs/processors/generate.md says how`);
    const url = `${access.url}${call.path}`;
    const fault = await this.#ports.transport.prepare(url);
    if (fault) return this.#failed(fault, call);
    const body = JSON.stringify(call.body);
    const uses = await this.#usesOf(call, caller);
    const start = await this.#ports.limiter.start(uses, call.signal);
    if (start.kind === 'held') return start;
    if (start.kind === 'too large') return fail('ApiRequestTooLargeError', `expected at most ${start.largest} tokens for one request, as half of the burst of ${start.limit}, got about ${tokensOf(uses)}: shorten it, or raise the burst`);
    const answer = await this.#ports.transport.post({ url, body, timeoutMs: call.timeoutMs, signal: call.signal, ...(access.key !== undefined && { key: access.key }) });
    return this.#endCall({ call, access, start, uses }, answer);
  }

  /** The model's requests come first: the API's Retry-After and its breaker are theirs. */
  async #usesOf({ api, model, tokens }: ApiCall, caller: Caller): Promise<LimitUse[]> {
    const settings = await this.#ports.settings();
    const units = { requests: 1, tokens: this.#estimate(tokens) };
    return Object.entries(units).flatMap(([unit, count]) => {
      const own = `api:${api}:${model}:${unit}`;
      const products = keysOf({ ...caller, api: own }, settings).filter((key) => key !== own && key.includes(own));
      return [own, ...products].map((key): LimitUse => ({ key, units: count }));
    });
  }

  #estimate({ input, maxOutput, kind }: TokenEstimate): number {
    return Math.max(1, this.#inputs.estimate(kind, input) + this.#outputs.estimate(kind, maxOutput));
  }

  async #endCall({ call, access, start, uses }: { readonly call: ApiCall; readonly access: ApiAccess; readonly start: StartedCall; readonly uses: readonly LimitUse[] }, answer: JsonPostAnswer): Promise<ApiAnswer> {
    if (answer.kind !== 'response') {
      // What became of its tokens is not known: they stay charged.
      await start.end({ kind: 'failed' });
      return this.#failed(answer, call);
    }
    const body = readObject(answer.body);
    const said = saidBy(answer, body, access);
    const throttledUntil = this.#throttledUntil(answer, said.code);
    if (throttledUntil !== undefined) return this.#hold(start, throttledUntil, uses[0]!.key);
    await start.end(this.#endOf(answer), this.#realUses(call, uses, body));
    return isOk(answer.status) && body ? { kind: 'answered', body } : failedStatus(answer.status, said, call.api);
  }

  /** @returns when to come back, or undefined if it is no throttle; `never said`: it gave no time */
  #throttledUntil({ status, headers }: Response, code: string): number | 'never said' | undefined {
    const until = retryAfterOf(headers, this.#ports.clock());
    const isThrottle = (status === 429 && !QUOTA_CODE.test(code)) || (BUSY_STATUS.has(status) && until !== undefined);
    return isThrottle ? (until ?? 'never said') : undefined;
  }

  async #hold(start: StartedCall, until: number | 'never said', limit: string): Promise<Held> {
    await start.end({ kind: 'throttled', ...(until !== 'never said' && { until }) });
    return { kind: 'held', until: until === 'never said' ? this.#ports.clock() + THROTTLED_FOR_MS : until, limit };
  }

  #endOf({ status, headers }: Response): CallEnd {
    if (status >= 500) return { kind: 'failed' };
    const until = exhaustedUntil(headers, this.#ports.clock());
    return { kind: 'answered', ...(until !== undefined && { until }) };
  }

  /** What the answer says it took; a refused call took nothing. */
  #realUses({ tokens: { kind, input, maxOutput }, readUsage }: ApiCall, uses: readonly LimitUse[], body: JsonObject | undefined): LimitUse[] {
    const usage = body && readUsage(body);
    if (!usage) return [];
    this.#inputs.learn(kind, input, usage.input);
    this.#outputs.learn(kind, maxOutput, usage.output);
    return uses.filter(({ key }) => key.endsWith(':tokens')).map(({ key }) => ({ key, units: Math.max(1, usage.input + usage.output) }));
  }

  #failed(answer: Exclude<JsonPostAnswer, Response>, { api, timeoutMs }: ApiCall): ApiAnswer {
    if (answer.kind === 'blocked') return fail('AddressBlockedError', answer.reason);
    if (answer.kind === 'timed out') return fail('ApiTimeoutError', `expected an answer of the API ${api} within ${timeoutMs / 1000} s`);
    return fail('ApiUnavailableError', `the API ${api} did not answer: ${answer.reason}`);
  }
}

type Response = Extract<JsonPostAnswer, { readonly kind: 'response' }>;

interface Said {
  readonly code: string;
  readonly message: string;
}

const objectSchema = z.record(z.string(), z.unknown());

function readObject(text: string): JsonObject | undefined {
  const parsed = parseJson(text, objectSchema);
  return parsed.ok ? parsed.value : undefined;
}

const isOk = (status: number): boolean => status >= 200 && status <= 299;
const tokensOf = (uses: readonly LimitUse[]): number => uses.find(({ key }) => key.endsWith(':tokens'))?.units ?? 0;
const fail = (name: ApiErrorName, message: string): ApiAnswer => ({ kind: 'failed', error: { name, message, retryable: API_ERRORS[name].retryable } });

/** What an error answer says, `{ error: { code, type, message } }` with most: without the key, which some repeat. */
function saidBy({ body: text }: Response, body: JsonObject | undefined, { key }: ApiAccess): Said {
  const error = (body?.['error'] ?? {}) as { code?: unknown; type?: unknown; message?: unknown } | string;
  const message = typeof error === 'string' ? error : typeof error.message === 'string' ? error.message : text;
  const code = typeof error === 'string' ? '' : `${String(error.code ?? '')} ${String(error.type ?? '')}`;
  const clean = key === undefined ? message : message.replaceAll(key, '…');
  return { code, message: clean.slice(0, MAX_MESSAGE_CHARACTERS) };
}

function failedStatus(status: number, { message, code }: Said, api: string): ApiAnswer {
  const says = `${status} from the API ${api}: ${message || 'no message'}`;
  if (isOk(status)) return fail('ApiAnswerError', `expected JSON, got something else: ${says}`);
  if (status === 429 && QUOTA_CODE.test(code)) return fail('ApiQuotaError', says);
  if (status === 401 || status === 403) return fail('ApiAuthError', says);
  if (status >= 500 || status === 408) return fail('ApiUnavailableError', says);
  return fail('ApiRequestError', says);
}
