/** Tables by line number, in pages that exist only where something was written: 10 million lines stay within typed arrays. */

const PAGE_BITS = 16;
const PAGE_LINES = 1 << PAGE_BITS;

export const LINE_IS = {
  planned: 1,
  settled: 2,
  failed: 4,
  inErrors: 8,
  duplicate: 16,
  invalid: 32,
  inSource: 64,
} as const;

/** Eight marks a line. */
export class LineMarks {
  readonly #pages: (Uint8Array | undefined)[] = [];

  has(line: number, mark: number): boolean {
    return ((this.#pages[line >>> PAGE_BITS]?.[line & (PAGE_LINES - 1)] ?? 0) & mark) !== 0;
  }

  /** @returns false if the line had the mark already */
  add(line: number, mark: number): boolean {
    if (this.has(line, mark)) return false;
    const page = (this.#pages[line >>> PAGE_BITS] ??= new Uint8Array(PAGE_LINES));
    page[line & (PAGE_LINES - 1)]! |= mark;
    return true;
  }

  /** Every line with any mark, ascending. */
  *lines(): Generator<{ line: number; marks: number }> {
    for (const [index, page] of this.#pages.entries()) {
      if (!page) continue;
      for (let i = 0; i < PAGE_LINES; i++) {
        if (page[i] !== 0) yield { line: index * PAGE_LINES + i, marks: page[i]! };
      }
    }
  }
}

/** A 64-bit value a line; 0 means none. */
export class LineValues {
  readonly #pages: (BigUint64Array | undefined)[] = [];

  get(line: number): bigint {
    return this.#pages[line >>> PAGE_BITS]?.[line & (PAGE_LINES - 1)] ?? 0n;
  }

  set(line: number, value: bigint): void {
    const page = (this.#pages[line >>> PAGE_BITS] ??= new BigUint64Array(PAGE_LINES));
    page[line & (PAGE_LINES - 1)] = value;
  }

  /** Every line with a value, ascending. */
  *entries(): Generator<[line: number, value: bigint]> {
    for (const [index, page] of this.#pages.entries()) {
      if (!page) continue;
      for (let i = 0; i < PAGE_LINES; i++) {
        if (page[i] !== 0n) yield [index * PAGE_LINES + i, page[i]!];
      }
    }
  }

  /** Lines whose value an earlier accepted line has, with that first line. Sorts once: memory is 8 bytes a line. */
  *repeats(accepts: (line: number) => boolean): Generator<{ line: number; first: number }> {
    const repeated = this.#repeatedValues(accepts);
    if (repeated.size === 0) return;
    const firstOf = new Map<bigint, number>();
    for (const [line, value] of this.entries()) {
      if (!repeated.has(value) || !accepts(line)) continue;
      const first = firstOf.get(value);
      if (first === undefined) firstOf.set(value, line);
      else yield { line, first };
    }
  }

  #repeatedValues(accepts: (line: number) => boolean): Set<bigint> {
    let count = 0;
    for (const [line] of this.entries()) if (accepts(line)) count++;
    const sorted = new BigUint64Array(count);
    let at = 0;
    for (const [line, value] of this.entries()) if (accepts(line)) sorted[at++] = value;
    sorted.sort();
    const repeated = new Set<bigint>();
    for (let i = 1; i < count; i++) if (sorted[i] === sorted[i - 1]) repeated.add(sorted[i]!);
    return repeated;
  }
}
