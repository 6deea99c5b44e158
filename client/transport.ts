import { type BackOff, fullJitterMs } from '../shared/back-off.ts';
import { SpillwayApiError } from './problem-error.ts';

export interface ClientOptions {
  /** The stack's output `ApiUrl`. */
  readonly url: string;
  /** `spw_…` */
  readonly key: string;
  /** @default the platform's */
  readonly fetch?: typeof fetch;
  readonly sleep?: (ms: number) => Promise<void>;
  /** From 0 (included) to 1. */
  readonly random?: () => number;
}

export interface ApiCall {
  readonly method: string;
  /** Below the API's address, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is answered is no JSON. */
  readonly isText?: true;
  /** The same call twice does what one does: it is tried again after a broken connection and a 5xx. */
  readonly isRepeatable: boolean;
}

const ATTEMPTS = 5;
const BACK_OFF: BackOff = { baseMs: 400, capMs: 10_000 };
/** A longer wait is the caller's to plan. */
const MAX_WAIT_SECONDS = 30;
const TIMEOUT_MS = 60_000;

/** Calls the API; what may pass is tried again with back-off, after `Retry-After` if that is named. */
export class Transport {
  readonly #options: Required<ClientOptions>;

  constructor(options: ClientOptions) {
    this.#options = { fetch: globalThis.fetch, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)), random: Math.random, ...options };
  }

  /** @throws SpillwayApiError */
  async call<Answer>(call: ApiCall): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once<Answer>(call);
      } catch (error) {
        if (!(error instanceof SpillwayApiError) || attempt === ATTEMPTS || !mayRepeat(call, error)) throw error;
        await this.#options.sleep(1000 * (error.retryAfterSeconds ?? 0) || fullJitterMs(attempt, BACK_OFF, this.#options.random()));
      }
    }
  }

  async #once<Answer>({ method, path, body, form, headers = {}, isText }: ApiCall): Promise<Answer> {
    const { url, key } = this.#options;
    const sent = form ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await this.#options
      .fetch(url.replace(/\/$/, '') + path, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(sent !== undefined && { body: sent }),
      })
      .catch((cause: unknown) => {
        throw new SpillwayApiError(`expected an answer of ${new URL(url).origin}, got none: ${reasonOf(cause)}`, { status: 0, retryable: true, cause });
      });
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    if (isText) return text as Answer;
    return (text === '' ? undefined : JSON.parse(text)) as Answer;
  }
}

const reasonOf = (error: unknown): string => {
  const { cause, message } = error as Error & { cause?: Error };
  return cause?.message || message;
};

/** A refusal did nothing; a 5xx or a broken connection may have done it. */
function mayRepeat({ isRepeatable }: ApiCall, { status, retryable, retryAfterSeconds = 0 }: SpillwayApiError): boolean {
  if (!retryable || retryAfterSeconds > MAX_WAIT_SECONDS) return false;
  // A 409 passes by itself only if it says when.
  if (status === 409) return retryAfterSeconds > 0;
  return isRepeatable || status === 429;
}

interface ProblemBody {
  readonly detail?: string;
  readonly message?: string;
  readonly retryable?: boolean;
  readonly errors?: SpillwayApiError['faults'];
}

/** API Gateway's own refusals (too many requests, a function that took too long) are no problem documents. */
function problemOf(response: Response, text: string): SpillwayApiError {
  const { status } = response;
  const body = readBody(text);
  const retryAfter = Number(response.headers.get('retry-after') ?? NaN);
  return new SpillwayApiError(body.detail ?? body.message ?? `the API answered ${status}`, {
    status,
    retryable: body.retryable ?? (status === 429 || status >= 500),
    ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
    ...(body.errors && { faults: body.errors }),
  });
}

function readBody(text: string): ProblemBody {
  try {
    return (JSON.parse(text) ?? {}) as ProblemBody;
  } catch {
    return {};
  }
}
