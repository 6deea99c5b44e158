/** A number of places; who finds none free waits, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: { readonly resolve: () => void; readonly reject: (reason: unknown) => void }[] = [];

  /** @param count places, 1 or more */
  constructor(count: number) {
    this.#free = count;
  }

  /** @throws the signal's reason, if it aborts before a place is free */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const waiter = { resolve: () => (signal?.removeEventListener('abort', abort), resolve()), reject };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#free++;
  }
}
