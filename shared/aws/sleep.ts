import { setTimeout as wait } from 'node:timers/promises';
import type { Sleep } from '../ports.ts';

/** The real one. */
export const sleep: Sleep = async (ms, signal) => {
  await wait(ms, undefined, signal && { signal }).catch(() => undefined);
};
