import type { ApiAnswer } from '../api-call.ts';
import type { Limiter } from '../limiter.ts';

/** Nothing has a limit: for tests, and for trying a processor on one item. */
export const UNLIMITED_CALLS: Limiter = {
  start: () => Promise.resolve({ kind: 'started', end: () => Promise.resolve() }),
  release: () => Promise.resolve(),
};

/** Nobody configured an API: for tests of processors that call none. */
export const NO_APIS_CONFIGURED = ({ api }: { readonly api: string }): Promise<ApiAnswer> =>
  Promise.resolve({ kind: 'failed', error: { name: 'ApiNotConfiguredError', message: `expected an API ${api}, there is none here`, retryable: false } });
