/** When an environment has done enough: what a processor leaks, or leaves running, ends with it. */
export interface RetirementLimits {
  readonly items: number;
  /** V8's heap in use after a batch. */
  readonly heapMb: number;
}

const MB = 1_048_576;

export class Retirement {
  readonly #limits: RetirementLimits;
  #items = 0;
  #unended = 0;

  constructor(limits: RetirementLimits) {
    this.#limits = limits;
  }

  /** Of a settled batch. */
  note({ rows, unended }: { readonly rows: number; readonly unended: number }): void {
    this.#items += rows;
    this.#unended += unended;
  }

  /** Why the environment should end now, or undefined. */
  reason(heapBytes: number): string | undefined {
    if (this.#unended > 0) return `${this.#unended} items did not end when they were told to`;
    if (this.#items >= this.#limits.items) return `${this.#items} items are done`;
    return heapBytes > this.#limits.heapMb * MB ? `${Math.round(heapBytes / MB)} MB of heap are in use` : undefined;
  }
}
