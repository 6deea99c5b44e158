import { ALL_SCOPES } from '../../../shared/api-keys.ts';
import { makeKey } from '../target-keys.ts';
import type { Target } from '../targets/target.ts';

type Json = Record<string, unknown>;

/** A tenant's program: the API by HTTP, with a key of all scopes. */
export class ApiCaller {
  readonly #url: string;
  readonly #key: string;

  private constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  static async create(target: Target, tenant: string): Promise<ApiCaller> {
    return new ApiCaller(target.apiEndpoint, await makeKey(target, tenant, ALL_SCOPES));
  }

  /** @throws Error with the answer unless it is a success or a redirection */
  async call(method: string, path: string, body?: Json | FormData, headers: Readonly<Record<string, string>> = {}): Promise<Json> {
    const isForm = body instanceof FormData;
    const sent = isForm ? body : JSON.stringify(body);
    const type: Record<string, string> = isForm || body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${this.#url}${path}`, { method, headers: { authorization: `Bearer ${this.#key}`, ...type, ...headers }, ...(body !== undefined && { body: sent }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text.startsWith('{') ? (JSON.parse(text) as Json) : {};
  }

  async waitFor(path: string, isSo: (answer: Json) => boolean, timeoutMs = 60_000): Promise<Json> {
    for (const giveUpAt = Date.now() + timeoutMs; ; ) {
      // What is not planned yet has no items: 404.
      const answer = await this.call('GET', path).catch((error: unknown) => ({ error: String(error) }));
      if (isSo(answer)) return answer;
      if (Date.now() > giveUpAt) throw new Error(`${path} is still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  finished = (run: unknown): Promise<Json> => this.waitFor(`/v1/runs/${String(run)}`, ({ state }) => state === 'finished');
}
