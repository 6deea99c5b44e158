import { limitInForce, unitsThatFit, type Grant, type Limit, type Reservation } from '../limits.ts';
import type { RateTable } from './rate-table.ts';

/** One call's share of a reservation: it starts as a whole, at the start of its last unit. */
export type CallGrant = { readonly kind: 'granted'; readonly startUs: number; readonly grant: Grant } | Extract<Reservation, { readonly kind: 'refused' }>;

interface Waiting {
  readonly limit: Limit;
  readonly units: number;
  readonly answer: (grant: CallGrant) => void;
  readonly fail: (error: unknown) => void;
}

interface KeyQueue {
  readonly waiting: Waiting[];
  isReserving: boolean;
}

const US_PER_MS = 1000;

/** Reserves for calls that wait at once with one write a key: whoever comes while a write is on its way goes with the next one. */
export function createBlockQueue(table: Pick<RateTable, 'reserve' | 'peek'>, clock: () => number) {
  const queues = new Map<string, KeyQueue>();

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
    const units = block.reduce((sum, each) => sum + each.units, 0);
    const answer = await table.reserve({ key, limit: block[0]!.limit, units, nowUs: clock() * US_PER_MS });
    if (answer.kind === 'granted') return shareOut(answer, block);
    if (block.length === 1) return block[0]!.answer(answer);
    for (const each of block) await reserveBlock(key, [each]);
  }

  return {
    reserve: (key: string, limit: Limit, units: number): Promise<CallGrant> =>
      new Promise((answer, fail) => {
        const queue = queues.get(key) ?? { waiting: [], isReserving: false };
        queues.set(key, queue);
        queue.waiting.push({ limit, units, answer, fail });
        void work(key, queue);
      }),
  };
}

function shareOut({ startsUs, grant }: Extract<Reservation, { readonly kind: 'granted' }>, block: readonly Waiting[]): void {
  let before = 0;
  for (const { units, answer } of block) {
    before += units;
    answer({ kind: 'granted', startUs: startsUs[before - 1]!, grant: shareOf(grant, before, units) });
  }
}

/** The share of a reservation whose last unit is its `end`th. Only the last share is the last that was reserved: the others have units after them. */
export function shareOf({ v, ...grant }: Grant, end: number, units: number): Grant {
  const after = grant.units - end;
  return { ...grant, units, tat: grant.tat - after * grant.limit.unitUs, ...(after === 0 && v !== undefined && { v }) };
}
