import type { InvokeAnswer } from '../contracts.ts';

/** Lambda waits a minute, then two; nobody at a laptop wants to. */
const RETRY_DELAYS_MS: readonly number[] = [1_000, 2_000];

export interface AsyncTarget {
  readonly functionName: string;
  /** 0, 1 or 2 */
  readonly retries: number;
  /** Takes an event whose invocations all failed. */
  readonly sendToDeadLetters?: (event: unknown, failure: FailedInvocation) => Promise<void>;
}

export type FailedInvocation = Extract<InvokeAnswer, { ok: false }>;

export interface AsyncInvokerTools {
  readonly invoke: (functionName: string, event: unknown) => Promise<InvokeAnswer>;
  readonly log: (line: string) => void;
  readonly retryDelaysMs?: readonly number[];
}

/** Asynchronous invocation: repeated after a failure, then handed to the dead-letter queue. What a stop interrupts is neither: it is for a later process. */
export class AsyncInvoker {
  readonly #tools: AsyncInvokerTools;
  readonly #running = new Set<Promise<boolean>>();
  readonly #stopped = new AbortController();

  constructor(tools: AsyncInvokerTools) {
    this.#tools = tools;
  }

  /** Never rejects. @returns whether the event is dealt with: taken by the function or by the dead-letter queue */
  deliver(target: AsyncTarget, event: unknown): Promise<boolean> {
    const run = this.#deliver(target, event)
      .catch((error: unknown) => {
        this.#tools.log(`${target.functionName}: an event was not delivered: ${String(error)}`);
        return false;
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
    return run;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #deliver(target: AsyncTarget, event: unknown): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#tools.invoke(target.functionName, event);
      if (answer.ok) return true;
      this.#tools.log(`${target.functionName} failed (attempt ${attempt + 1}): ${answer.errorType}: ${answer.errorMessage}`);
      if (attempt < target.retries) await this.#wait(this.#delayMs(attempt));
      if (this.#stopped.signal.aborted) return false;
      if (attempt < target.retries) continue;
      await target.sendToDeadLetters?.(event, answer);
      return true;
    }
  }

  #delayMs(attempt: number): number {
    const delays = this.#tools.retryDelaysMs ?? RETRY_DELAYS_MS;
    return delays[Math.min(attempt, delays.length - 1)] ?? 0;
  }

  async #wait(ms: number): Promise<void> {
    const { signal } = this.#stopped;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}
