import type { Outcome, PlannedItem } from '../../shared/rows.ts';

export interface OrdinalItem {
  readonly ordinal: number;
  readonly item: PlannedItem;
}

/** One item that is to be worked on, for the first time or again. Times are milliseconds since the epoch. */
export interface Task extends OrdinalItem {
  /** Calls of the processor so far. */
  readonly attempts: number;
  /** Of the first call; undefined before it. */
  readonly startedAt?: number;
  /** Not before. */
  readonly dueAt: number;
  /** How the last call ended: it stands if there is no time for another. */
  readonly last?: Outcome;
}

/** What is left to do, in this order: retries that are due, items in their own order, retries that are not due yet. */
export class ItemQueue {
  readonly #fresh: Iterator<OrdinalItem>;
  readonly #retries: Task[] = [];
  /** Limit key -> items that have not begun. */
  readonly #ahead = new Map<string, number>();
  #isClosed = false;

  constructor(items: readonly OrdinalItem[]) {
    this.#fresh = items.values();
    for (const { item: { limitKey } } of items) if (limitKey !== undefined) this.#ahead.set(limitKey, this.ahead(limitKey) + 1);
  }

  /** Items of this limit key that are about to begin. */
  ahead(limitKey: string): number {
    return this.#isClosed ? 0 : (this.#ahead.get(limitKey) ?? 0);
  }

  retry(task: Task): void {
    const at = this.#retries.findIndex(({ dueAt }) => dueAt > task.dueAt);
    this.#retries.splice(at < 0 ? this.#retries.length : at, 0, task);
  }

  /** No item is begun any more; what has begun is still tried again. */
  close(): void {
    this.#isClosed = true;
  }

  take(now: number): Task | undefined {
    if (this.#retries[0] && this.#retries[0].dueAt <= now) return this.#retries.shift();
    const fresh = this.#isClosed ? ({ done: true, value: undefined } as const) : this.#fresh.next();
    if (fresh.done) return this.#retries.shift();
    const { limitKey } = fresh.value.item;
    if (limitKey !== undefined) this.#ahead.set(limitKey, this.ahead(limitKey) - 1);
    return { ...fresh.value, attempts: 0, dueAt: now };
  }

  /** Takes everything that waits for another try. */
  drain(): Task[] {
    return this.#retries.splice(0);
  }
}
