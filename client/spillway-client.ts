import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { limitSchema } from '../lambdas/serve-api/operations/limits.ts';
import type { errorGroupSchema, fileSchema } from '../lambdas/serve-api/operations/results.ts';
import type { tenantSchema } from '../lambdas/serve-api/operations/tenants.ts';
import type { formSchema } from '../lambdas/serve-api/operations/uploads.ts';
import type { keySchema, newKeySchema, resultRowSchema, RunView, RUN_STATES } from '../lambdas/serve-api/schemas.ts';
import type { explanationSchema, itemSchema } from '../lambdas/serve-api/see-item.ts';
import type { Scope } from '../shared/api-keys.ts';
import type { TenantSettings } from '../shared/tenant-settings.ts';
import { Transport, type ClientOptions } from './transport.ts';

export type { ClientOptions } from './transport.ts';
export { SpillwayApiError } from './problem-error.ts';

export type Run = RunView;
export type RunState = (typeof RUN_STATES)[number];
export type Item = z.infer<typeof itemSchema>;
export type ItemExplanation = z.infer<typeof explanationSchema>;
export type ItemResult = z.infer<typeof resultRowSchema>;
export type ErrorGroup = z.infer<typeof errorGroupSchema>;
export type ResultFile = z.infer<typeof fileSchema>;
export type UploadForm = z.infer<typeof formSchema>;
export type Key = z.infer<typeof keySchema>;
export type NewKey = z.infer<typeof newKeySchema>;
export type Limit = z.infer<typeof limitSchema>;
export type Tenant = z.infer<typeof tenantSchema>;
export type Options = Readonly<Record<string, unknown>>;

/** A page of a list. */
export interface PageQuery {
  /** 1 to 100. @default 20 */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}
export type Page<Name extends string, Entry> = { readonly [name in Name]: readonly Entry[] } & { readonly nextCursor?: string };

/** Of items (at most 50,000, and 5 MB), of an upload, or of a manifest in S3 below the tenant's name. */
export type NewRun =
  | { readonly processor: string; readonly options?: Options; readonly items: readonly (string | Readonly<Record<string, unknown>>)[] }
  | ({ readonly upload: string } & UploadWork)
  | { readonly key: string };

export interface Redrive {
  readonly errors?: readonly string[];
  readonly hosts?: readonly string[];
  readonly retryableOnly?: boolean;
  /** ISO 8601 UTC. */
  readonly before?: string;
  readonly withSkipped?: boolean;
  readonly options?: Options;
}

export interface UploadBounds {
  /** What the type of every file begins with. */
  readonly contentType?: string;
  readonly maxFileBytes?: number;
  /** Goes on with this upload. */
  readonly upload?: string;
}

export interface UploadWork {
  readonly processor?: string;
  readonly options?: Options;
  /** How many files there must be. */
  readonly files?: number;
  /** Path of the one that lists the work. */
  readonly manifest?: string;
}

export type SpillwayClient = ReturnType<typeof createClient>;

/**
 * The API of a stack, with its types. What may pass (429, 5xx, a broken connection) is tried again where that can do nothing twice: `createRun` and `createDocument` carry an
 * `Idempotency-Key`, which may be given.
 * Every call throws `SpillwayApiError`.
 */
export function createClient(options: ClientOptions) {
  const transport = new Transport(options);
  const get = <Answer>(path: string, query: object = {}) => transport.call<Answer>({ method: 'GET', path: path + queryOf(query), isRepeatable: true });
  const put = <Answer>(path: string, body: unknown) => transport.call<Answer>({ method: 'PUT', path, body, isRepeatable: true });
  const remove = (path: string) => transport.call<void>({ method: 'DELETE', path, isRepeatable: true });
  const post = <Answer>(path: string, body: unknown, { isRepeatable = true, key }: { readonly isRepeatable?: boolean; readonly key?: string } = {}) =>
    transport.call<Answer>({ method: 'POST', path, body, isRepeatable, ...(key !== undefined && { headers: { 'idempotency-key': key } }) });
  const runPath = (run: string): string => `/v1/runs/${encodeURIComponent(run)}`;
  const itemPath = (item: string): string => `/v1/items/${encodeURIComponent(item)}`;
  const keyPath = (id: string): string => `/v1/keys/${encodeURIComponent(id)}`;
  const limitPath = (key: string): string => `/v1/limits/${encodeURIComponent(key)}`;
  const tenantPath = (tenant: string): string => `/v1/tenants/${encodeURIComponent(tenant)}`;
  return {
    createRun: (run: NewRun, { idempotencyKey: key = randomUUID() }: { readonly idempotencyKey?: string } = {}) => post<Run>('/v1/runs', run, { key }),
    listRuns: (query: PageQuery & { readonly state?: RunState; readonly processor?: string } = {}) => get<Page<'runs', Pick<Run, 'run' | 'processor' | 'state' | 'createdAt' | 'finishedAt' | 'total'>>>('/v1/runs', query),
    showRun: (run: string) => get<Run>(runPath(run)),
    cancelRun: (run: string) => post<Run>(`${runPath(run)}/cancel`, {}),
    pauseRun: (run: string) => post<Run>(`${runPath(run)}/pause`, {}),
    resumeRun: (run: string) => post<Run>(`${runPath(run)}/resume`, {}),
    deleteRun: (run: string) => remove(runPath(run)),
    redriveRun: (run: string, choice: Redrive = {}) => post<Run>(`${runPath(run)}/redrive`, choice, { isRepeatable: false }),
    listItems: (run: string, query: PageQuery & { readonly verdict?: ItemResult['verdict']; readonly error?: string; readonly host?: string } = {}) => get<Page<'items', ItemResult> & { readonly isComplete: boolean }>(`${runPath(run)}/items`, query),
    listErrors: (run: string) => get<{ readonly groups: readonly ErrorGroup[]; readonly isComplete: boolean }>(`${runPath(run)}/errors`),
    listResults: (run: string, query: PageQuery & { readonly prefix?: string } = {}) => get<Page<'files', ResultFile> & { readonly expiresAt: string }>(`${runPath(run)}/results`, query),
    createUpload: (bounds: UploadBounds = {}) => post<UploadForm>('/v1/uploads', bounds),
    completeUpload: (upload: string, work: UploadWork = {}) => post<Run>(`/v1/uploads/${encodeURIComponent(upload)}/complete`, work),
    createDocument(file: Blob, name: string, { options: chosen, idempotencyKey = randomUUID() }: { readonly options?: Options; readonly idempotencyKey?: string } = {}) {
      const form = new FormData();
      if (chosen) form.append('options', JSON.stringify(chosen));
      form.append('file', file, name);
      return transport.call<{ readonly item: string; readonly run: string }>({ method: 'POST', path: '/v1/documents', form, isRepeatable: true, headers: { 'idempotency-key': idempotencyKey } });
    },
    showItem: (item: string) => get<Item>(itemPath(item)),
    explainItem: (item: string) => get<ItemExplanation>(`${itemPath(item)}/explain`),
    showQueue: () => get<Readonly<Record<string, unknown>>>('/v1/queue'),
    showUsage: () => get<Readonly<Record<string, unknown>>>('/v1/usage'),
    createKey: (key: { readonly name: string; readonly scopes: readonly Scope[]; readonly expiresInSeconds?: number }) => post<NewKey>('/v1/keys', key, { isRepeatable: false }),
    listKeys: () => get<{ readonly keys: readonly Key[] }>('/v1/keys'),
    rotateKey: (id: string, { overlapSeconds }: { readonly overlapSeconds?: number } = {}) => post<NewKey>(`${keyPath(id)}/rotate`, overlapSeconds === undefined ? {} : { overlapSeconds }, { isRepeatable: false }),
    revokeKey: (id: string) => remove(keyPath(id)),
    showWorkers: () => get<{ readonly classes: readonly { readonly name: string; readonly window: number; readonly inFlight: number; readonly itemsPerSecond: number }[] }>('/v1/workers'),
    listLimits: (query: PageQuery & { readonly prefix?: string } = {}) => get<Page<'limits', Limit>>('/v1/limits', query),
    showLimit: (key: string) => get<Limit>(limitPath(key)),
    /** @param limit as in `450 requests and 450,000 tokens per minute` */
    setLimit: (key: string, limit: string) => put<{ readonly set: Readonly<Record<string, NonNullable<Limit['setting']>>>; readonly changed: readonly string[] }>(limitPath(key), { limit }),
    unsetLimit: (key: string) => remove(limitPath(key)),
    listTenants: () => get<{ readonly tenants: readonly Tenant[] }>('/v1/tenants'),
    showTenant: (tenant: string) => get<Tenant>(tenantPath(tenant)),
    /** All settings: what is not named has its default again. */
    setTenant: (tenant: string, settings: Partial<TenantSettings>) => put<{ readonly tenant: string; readonly settings: TenantSettings; readonly released: number }>(tenantPath(tenant), settings),
    /** Counts once for each `id`. */
    addCredits: (tenant: string, change: { readonly amount: number; readonly id: string }) =>
      post<{ readonly tenant: string; readonly credits: NonNullable<Tenant['credits']>; readonly change: 'added' | 'seen'; readonly released: number }>(`${tenantPath(tenant)}/credits`, change),
    /** The text format of Prometheus. */
    showMetrics: () => transport.call<string>({ method: 'GET', path: '/metrics', isRepeatable: true, isText: true }),
    health: () => get<Readonly<Record<string, unknown>>>('/health'),
  };
}

function queryOf(query: object): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}

/** All entries of a list, page after page. */
export async function* eachOf<Name extends string, Entry>(name: Name, list: (query: PageQuery) => Promise<Page<Name, Entry>>): AsyncGenerator<Entry> {
  for (let cursor: string | undefined; ; ) {
    const page = await list({ limit: 100, ...(cursor !== undefined && { cursor }) });
    yield* page[name];
    if (page.nextCursor === undefined) return;
    cursor = page.nextCursor;
  }
}
