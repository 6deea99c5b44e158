import { randomBytes } from 'node:crypto';
import { ServiceFault } from '../contracts.ts';
import type { Json } from './json.ts';

export type TaskOutcome = { readonly ok: true; readonly output: Json } | { readonly ok: false; readonly error: string; readonly cause: string };

/** A task that waits for its callback. */
export interface PendingTask {
  readonly token: string;
  readonly outcome: Promise<TaskOutcome>;
  /** Resolves at the next SendTaskHeartbeat. */
  nextHeartbeat(): Promise<void>;
  /** From now on the token is refused as timed out. */
  close(): void;
}

interface Entry {
  readonly machineArn: string;
  readonly settle: (outcome: TaskOutcome) => void;
  beat: PromiseWithResolvers<void>;
}

const TOKEN_BYTES = 96;
const TOKEN_FORM = /^[\w-]{128}$/;
/** So many refused tokens are told apart from unknown ones. */
const REMEMBERED_CLOSED_TOKENS = 10_000;

/** The open task tokens of all executions. */
export class TaskTokens {
  readonly #open = new Map<string, Entry>();
  readonly #closed = new Set<string>();

  open(machineArn: string): PendingTask {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const { promise: outcome, resolve: settle } = Promise.withResolvers<TaskOutcome>();
    const entry: Entry = { machineArn, settle, beat: Promise.withResolvers<void>() };
    this.#open.set(token, entry);
    return { token, outcome, nextHeartbeat: () => entry.beat.promise, close: () => this.#close(token) };
  }

  /** @returns the machine's ARN. @throws ServiceFault `InvalidToken`, `TaskTimedOut` or `TaskDoesNotExist`. */
  settle(token: string, outcome: TaskOutcome): string {
    const entry = this.#find(token);
    this.#close(token);
    entry.settle(outcome);
    return entry.machineArn;
  }

  /** @returns the machine's ARN. @throws ServiceFault as `settle` does. */
  beat(token: string): string {
    const entry = this.#find(token);
    const { resolve } = entry.beat;
    entry.beat = Promise.withResolvers<void>();
    resolve();
    return entry.machineArn;
  }

  #find(token: string): Entry {
    const entry = this.#open.get(token);
    if (entry !== undefined) return entry;
    if (!TOKEN_FORM.test(token)) throw new ServiceFault('InvalidToken', 'Invalid token');
    if (this.#closed.has(token)) throw new ServiceFault('TaskTimedOut', 'The task of this token has ended: it was answered, timed out or was given up.');
    throw new ServiceFault('TaskDoesNotExist', 'No task has this token.');
  }

  #close(token: string): void {
    if (!this.#open.delete(token)) return;
    this.#closed.add(token);
    const [oldest] = this.#closed;
    if (this.#closed.size > REMEMBERED_CLOSED_TOKENS && oldest !== undefined) this.#closed.delete(oldest);
  }
}
