import { HistoryLimitError, StatesErrorName } from './states-error.ts';

/** Step Functions: the history of a standard execution ends with event 25,000, whichever it is. */
export const HISTORY_LIMIT_EVENTS = 25_000;

export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly type: string;
  readonly stateName?: string | undefined;
  readonly error?: string | undefined;
  readonly cause?: string | undefined;
}

type Details = Pick<HistoryEvent, 'stateName' | 'error' | 'cause'>;

/** The events of one execution, in order. */
export class History {
  readonly events: HistoryEvent[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws HistoryLimitError when only the place for the last event is left. */
  add(type: string, details: Details = {}): void {
    if (this.events.length >= HISTORY_LIMIT_EVENTS - 1) {
      throw new HistoryLimitError(StatesErrorName.runtime, `The execution reached the maximum number of history events (${HISTORY_LIMIT_EVENTS}).`);
    }
    this.end(type, details);
  }

  /** Takes the last place too: for the event that ends the execution. */
  end(type: string, details: Details = {}): void {
    const previousEventId = this.events.length;
    this.events.push({ id: previousEventId + 1, previousEventId, timestamp: this.#now() / 1000, type, ...details });
  }
}
