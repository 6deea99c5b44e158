/** Answers of the API as plain values. Routes exist here only once they work. */
export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

export interface ApiPorts {
  /** Resolves when the ledger can be read. */
  readonly checkLedger: () => Promise<unknown>;
}

/** @param path without the stage, beginning with `/` */
export async function serveApi(request: { method: string; path: string }, ports: ApiPorts): Promise<ApiAnswer> {
  if (request.path !== '/health') return problem(404, 'Not Found', `there is no ${request.path}; try /health`);
  if (request.method !== 'GET') return problem(405, 'Method Not Allowed', `expected GET, got ${request.method}`);
  const isUp = await ports.checkLedger().then(
    () => true,
    () => false,
  );
  return { status: isUp ? 200 : 503, contentType: 'application/json', body: { status: isUp ? 'up' : 'down', ledger: isUp ? 'up' : 'down' } };
}

/** RFC 9457. */
const problem = (status: number, title: string, detail: string): ApiAnswer => ({
  status,
  contentType: 'application/problem+json',
  body: { type: 'about:blank', title, status, detail, retryable: status >= 500 },
});
