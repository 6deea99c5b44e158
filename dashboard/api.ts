/** What the page knows of the API's answers; `openapi.json` has all of it. */
export interface Run {
  readonly run: string;
  readonly processor: string;
  readonly state: 'accepted' | 'planning' | 'queued' | 'running' | 'paused' | 'stopping' | 'finished' | 'failed';
  readonly createdAt: string;
  readonly finishedAt?: string;
  readonly total?: number;
  readonly invalid?: number;
  readonly completed: number;
  readonly processing: number;
  readonly queued: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly percent: number;
  readonly ratePerSecond?: number;
  readonly etaSeconds?: number;
  readonly waitsFor: readonly { readonly what: string; readonly until?: string }[];
  readonly error?: string;
  readonly stop?: { readonly reason: string };
  readonly redriveOf?: string;
}

export type ListedRun = Pick<Run, 'run' | 'processor' | 'state' | 'createdAt' | 'finishedAt' | 'total'>;

export interface ErrorGroup {
  readonly error: string;
  readonly retryable: boolean;
  readonly count: number;
  readonly samples: readonly { readonly line: number; readonly input: Readonly<Record<string, unknown>>; readonly message: string }[];
}

export interface ResultFile {
  readonly path: string;
  readonly bytes: number;
  readonly url: string;
}

/** An answer that says no. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/** The page lies beside `v1/`, whatever the deployment's stage is called. */
const ROOT = new URL('.', location.href);

export class Api {
  readonly #key: string;
  constructor(key: string) {
    this.#key = key;
  }

  listRuns = async (): Promise<readonly ListedRun[]> => (await this.#call<{ runs: ListedRun[] }>('GET', 'v1/runs?limit=50')).runs;
  showRun = (run: string): Promise<Run> => this.#call('GET', `v1/runs/${run}`);
  createRun = (body: object): Promise<Run> => this.#call('POST', 'v1/runs', body);
  control = (run: string, verb: 'cancel' | 'pause' | 'resume'): Promise<Run> => this.#call('POST', `v1/runs/${run}/${verb}`);
  redrive = (run: string, body: object): Promise<Run> => this.#call('POST', `v1/runs/${run}/redrive`, body);
  listErrors = (run: string): Promise<{ groups: readonly ErrorGroup[]; isComplete: boolean }> => this.#call('GET', `v1/runs/${run}/errors`);
  listResults = (run: string): Promise<{ files: readonly ResultFile[]; nextCursor?: string }> => this.#call('GET', `v1/runs/${run}/results?limit=100`);
  /** Those that items can be given to: each has a form of its own in the document. */
  listProcessors = async (): Promise<readonly string[]> => {
    const { paths } = await this.#call<{ paths: Record<string, { post: { requestBody: { content: Record<string, { schema: { oneOf: { properties: { items?: object; processor?: { const: string } } }[] } }> } } }> }>('GET', 'openapi.json');
    return paths['/v1/runs']!.post.requestBody.content['application/json']!.schema.oneOf.flatMap(({ properties: { items, processor } }) => (items && processor ? [processor.const] : []));
  };

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(new URL(path, ROOT), { method, headers: { authorization: `Bearer ${this.#key}`, ...(body && { 'content-type': 'application/json' }) }, ...(body && { body: JSON.stringify(body) }) }).catch(() => undefined);
    if (!response) throw new ApiProblem(0, 'the API does not answer');
    const answer = (await response.json().catch(() => ({}))) as T & { detail?: string; errors?: { pointer: string; detail: string }[] };
    if (response.ok) return answer;
    const faults = (answer.errors ?? []).map(({ pointer, detail }) => `${pointer || '/'}: ${detail}`).join('; ');
    throw new ApiProblem(response.status, faults || (answer.detail ?? `status ${response.status}`));
  }
}
