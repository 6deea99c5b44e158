import type { ContendedLimit } from '../lane-state.ts';

/** Beyond so many batches at once a key is no longer taken for contended. */
const FREE_FROM = 64;
/** Without a batch in flight it is forgotten so long after its last wait. */
const REMEMBERED_MS = 60_000;
const DECREASE = 0.7;

export type ContendedLimits = Record<string, ContendedLimit>;

/**
 * A batch came back because a limit held items of it. Others with its key wait as long; and fewer of them go at once, one at least, because they
 * would only divide what the limit grants and be handed back. A batch of several keys says nothing of how many may go.
 */
export function noteHeld(limits: ContendedLimits, { key, heldBy, until, inFlight }: { readonly key: string; readonly heldBy: string; readonly until: number; readonly inFlight: number }): void {
  const name = key === '' ? heldBy : key;
  const before = limits[name];
  const cap = key === '' ? before?.cap : Math.max(1, Math.floor(DECREASE * Math.min(before?.cap ?? FREE_FROM, inFlight)));
  limits[name] = { until: Math.max(before?.until ?? 0, until), ...(cap !== undefined && { cap }), ...(heldBy !== name && { by: heldBy }) };
}

/** A batch of the key ended without being held: one more may go at once. */
export function noteFree(limits: ContendedLimits, key: string): void {
  const limit = limits[key];
  if (limit?.cap === undefined) return;
  limit.cap++;
  if (limit.cap >= FREE_FROM) delete limits[key];
}

export const isBlocked = (limit: ContendedLimit | undefined, inFlight: number, now: number): boolean => limit !== undefined && (limit.until > now || (limit.cap !== undefined && inFlight >= limit.cap));

export function forgetOld(limits: ContendedLimits, inFlight: (key: string) => number, now: number): void {
  for (const [key, { until }] of Object.entries(limits)) if (until + REMEMBERED_MS < now && inFlight(key) === 0) delete limits[key];
}
