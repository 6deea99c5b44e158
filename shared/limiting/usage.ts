/** What of a limit was used lately: one counter for ten seconds, in the record itself. */

const COUNTER_MS = 10_000;
const SHOWN_MS = 60_000;
/** Kept a little longer than they are shown: clocks differ. */
const KEPT_MS = 2 * SHOWN_MS;
const COUNTER = /^used(?<at>\d+)$/;

/** Name of the counter of this moment. */
export const counterAt = (ms: number): string => `used${Math.floor(ms / COUNTER_MS)}`;

const startOf = (name: string): number | undefined => {
  const at = COUNTER.exec(name)?.groups?.['at'];
  return at === undefined ? undefined : Number(at) * COUNTER_MS;
};

/** Counters that nobody looks at any more. */
export function staleCounters(record: Readonly<Record<string, unknown>>, nowMs: number): string[] {
  return Object.keys(record).filter((name) => {
    const start = startOf(name);
    return start !== undefined && start < nowMs - KEPT_MS;
  });
}

/** Units reserved in the last minute, up to ten seconds more; what was given back is taken off. */
export function usedLately(record: Readonly<Record<string, unknown>>, nowMs: number): number {
  const counts = Object.entries(record).map(([name, value]) => {
    const start = startOf(name);
    return start !== undefined && start > nowMs - SHOWN_MS - COUNTER_MS && typeof value === 'number' ? value : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
