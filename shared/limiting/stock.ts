import { MAX_START_DELAY_MS, type Grant, type Limit } from '../limits.ts';
import type { RateTable } from './rate-table.ts';

/** Starts of one write that nobody uses yet, ascending. */
interface Reserved {
  readonly startsUs: readonly number[];
  readonly grant: Grant;
  /** As configured when it was asked for. */
  readonly askedUnitUs: number;
  /** Index of the first that is left. */
  next: number;
}

export interface StockedStart {
  readonly startUs: number;
  readonly grant: Grant;
}

const US_PER_MS = 1000;
/** A call that takes a start has to begin within its delay. */
const USABLE_US = (MAX_START_DELAY_MS - 10) * US_PER_MS;
const FIRST_AHEAD = 4;
const MOST_AHEAD = 64;

/** One call's share of a reservation whose last unit is its `end`th. Only the last share is the last that was reserved: the others have units after them. */
export function shareOf({ v, ...grant }: Grant, end: number, units: number): Grant {
  const after = grant.units - end;
  return { ...grant, units, tat: grant.tat - after * grant.limit.unitUs, ...(after === 0 && v !== undefined && { v }) };
}

/** Starts that were reserved ahead for calls of this worker that are to come: one write for many. How far ahead follows from how many of them were used. */
export class StartStock {
  readonly #table: Pick<RateTable, 'giveBack'>;
  readonly #clock: () => number;
  readonly #reserved = new Map<string, Reserved>();
  readonly #ahead = new Map<string, number>();

  constructor(table: Pick<RateTable, 'giveBack'>, clock: () => number) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Starts to reserve for calls that are expected to follow. */
  ahead(key: string, expected: number): number {
    return Math.min(expected, this.#ahead.get(key) ?? FIRST_AHEAD);
  }

  /** @param used of the starts, by the calls that asked */
  put(key: string, { startsUs, grant, askedUnitUs, used }: Omit<Reserved, 'next'> & { readonly used: number }): void {
    if (used < startsUs.length) this.#reserved.set(key, { startsUs, grant, askedUnitUs, next: used });
  }

  /** The next start that can still be kept to; those that are over are lost, never used late. */
  take(key: string, { unitUs }: Limit): StockedStart | undefined {
    const reserved = this.#reserved.get(key);
    if (!reserved || reserved.askedUnitUs !== unitUs) return undefined;
    const { startsUs, grant } = reserved;
    const first = startsUs.findIndex((startUs, i) => i >= reserved.next && startUs + USABLE_US >= this.#clock() * US_PER_MS);
    if (first !== reserved.next) this.#scale(key, 0.5);
    if (first === -1) return this.forget(key);
    reserved.next = first + 1;
    if (reserved.next < startsUs.length) return { startUs: startsUs[first]!, grant: shareOf(grant, first + 1, 1) };
    this.#scale(key, 2);
    this.#reserved.delete(key);
    return { startUs: startsUs[first]!, grant: shareOf(grant, first + 1, 1) };
  }

  /** The promises are void. */
  forget(key: string): undefined {
    this.#reserved.delete(key);
  }

  /** What nobody will use goes back, as far as that can exceed no window. */
  async release(): Promise<void> {
    const all = [...this.#reserved];
    this.#reserved.clear();
    const nowUs = this.#clock() * US_PER_MS;
    for (const [key, { startsUs, grant, next }] of all) {
      const units = startsUs.length - next;
      if (startsUs.at(-1)! > nowUs) await this.#table.giveBack({ key, grant: { ...grant, units }, units, nowUs });
    }
  }

  #scale(key: string, by: number): void {
    if (this.#ahead.size > 10_000) this.#ahead.clear();
    this.#ahead.set(key, Math.max(1, Math.min(MOST_AHEAD, Math.floor(by * (this.#ahead.get(key) ?? FIRST_AHEAD)))));
  }
}
