import type { Limiter } from '../limiter.ts';

/** Nothing has a limit: for tests, and for trying a processor on one item. */
export const UNLIMITED_CALLS: Limiter = {
  start: () => Promise.resolve({ kind: 'started', end: () => Promise.resolve() }),
  release: () => Promise.resolve(),
};
