import { limitInForce, unitsThatFit, type Grant, type Limit, type Reservation } from '../limits.ts';
import type { RateTable } from './rate-table.ts';
import { shareOf, StartStock } from './stock.ts';

/** One call's share of a reservation: it starts as a whole, at the start of its last unit. `isOld`: it was reserved with an earlier call, and may be void. */
export type CallGrant = { readonly kind: 'granted'; readonly startUs: number; readonly grant: Grant; readonly isOld?: true } | Extract<Reservation, { readonly kind: 'refused' }>;

interface Waiting {
  readonly limit: Limit;
  readonly units: number;
  /** Calls of one unit that are expected to follow it soon. */
  readonly ahead: number;
  readonly answer: (grant: CallGrant) => void;
  readonly fail: (error: unknown) => void;
}

interface KeyQueue {
  readonly waiting: Waiting[];
  isReserving: boolean;
}

const US_PER_MS = 1000;

/** Reserves for calls that wait at once with one write a key: whoever comes while a write is on its way goes with the next one. */
export function createBlockQueue(table: Pick<RateTable, 'reserve' | 'peek' | 'giveBack'>, clock: () => number) {
  const queues = new Map<string, KeyQueue>();
  const stock = new StartStock(table, clock);

  async function work(key: string, queue: KeyQueue): Promise<void> {
    if (queue.isReserving) return;
    queue.isReserving = true;
    while (queue.waiting.length > 0) {
      const block = queue.waiting.splice(0, blockLength(queue.waiting, key));
      await reserveBlock(key, block).catch((error: unknown) => block.forEach(({ fail }) => fail(error)));
    }
    queue.isReserving = false;
    queues.delete(key);
  }

  /** Calls of one limit that fit together, at least one. */
  function blockLength(waiting: readonly Waiting[], key: string): number {
    const { limit } = waiting[0]!;
    const record = table.peek(key);
    let units = 0;
    const end = waiting.findIndex((each) => {
      units += each.units;
      return each.limit.unitUs !== limit.unitUs || unitsThatFit(limitInForce(record, limit), units, clock() * US_PER_MS, record) < units;
    });
    return end === -1 ? waiting.length : Math.max(1, end);
  }

  /** A block that does not fit as a whole is asked for one by one: the first may still fit. */
  async function reserveBlock(key: string, block: readonly Waiting[]): Promise<void> {
    const { limit } = block[0]!;
    const units = block.reduce((sum, each) => sum + each.units, 0);
    const more = unitsAhead(key, block, units);
    const answer = await table.reserve({ key, limit, units: units + more, nowUs: clock() * US_PER_MS });
    if (answer.kind === 'granted') {
      if (more > 0) stock.put(key, { ...answer, used: units, askedUnitUs: limit.unitUs });
      return shareOut(answer, block);
    }
    if (more > 0) return reserveBlock(key, block.map((each) => ({ ...each, ahead: 0 })));
    if (block.length === 1) return block[0]!.answer(answer);
    for (const each of block) await reserveBlock(key, [each]);
  }

  /** Of calls that are to come, as many as fit beside those that wait. */
  function unitsAhead(key: string, block: readonly Waiting[], units: number): number {
    const expected = block.every((each) => each.units === 1) ? block.at(-1)!.ahead : 0;
    if (expected === 0) return 0;
    const record = table.peek(key);
    const fits = unitsThatFit(limitInForce(record, block[0]!.limit), units + stock.ahead(key, expected), clock() * US_PER_MS, record);
    return Math.max(0, fits - units);
  }

  return {
    /** @param ahead calls of one unit that this worker is about to make after it */
    reserve(key: string, limit: Limit, units: number, ahead = 0): Promise<CallGrant> {
      const old = units === 1 && !queues.has(key) ? stock.take(key, limit) : undefined;
      if (old) return Promise.resolve({ kind: 'granted', ...old, isOld: true });
      return new Promise((answer, fail) => {
        const queue = queues.get(key) ?? { waiting: [], isReserving: false };
        queues.set(key, queue);
        queue.waiting.push({ limit, units, ahead, answer, fail });
        void work(key, queue);
      });
    },
    forget: (key: string): void => stock.forget(key),
    release: () => stock.release(),
  };
}

function shareOut({ startsUs, grant }: Extract<Reservation, { readonly kind: 'granted' }>, block: readonly Waiting[]): void {
  let before = 0;
  for (const { units, answer } of block) {
    before += units;
    answer({ kind: 'granted', startUs: startsUs[before - 1]!, grant: shareOf(grant, before, units) });
  }
}
