import type { Fingerprint } from './fingerprint.ts';

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

/** An unsigned 32-bit number a line; 0 means none. */
export class LineNumbers {
  #pages: (Uint32Array | undefined)[] = [];

  get(line: number): number {
    return this.#pages[line >>> PAGE_BITS]?.[line & (PAGE_LINES - 1)] ?? 0;
  }

  set(line: number, value: number): void {
    const page = (this.#pages[line >>> PAGE_BITS] ??= new Uint32Array(PAGE_LINES));
    page[line & (PAGE_LINES - 1)] = value;
  }

  /** Every line with a number, ascending. */
  *entries(): Generator<[line: number, value: number]> {
    for (const [index, page] of this.#pages.entries()) {
      if (!page) continue;
      for (let i = 0; i < PAGE_LINES; i++) {
        if (page[i] !== 0) yield [index * PAGE_LINES + i, page[i]!];
      }
    }
  }

  /** Gives the memory back: the numbers have served. */
  clear(): void {
    this.#pages = [];
  }
}

/** Sorting all values at once would take their memory again; a 16th at a time takes little. */
const SLICES = 16;
const SLICE_SHIFT = 28;

/** A fingerprint a line, to find those that two lines have. */
export class LineFingerprints {
  /** Low and high half of each line. */
  readonly #pages: (Uint32Array | undefined)[] = [];

  set(line: number, { high, low }: Fingerprint): void {
    const page = (this.#pages[line >>> PAGE_BITS] ??= new Uint32Array(2 * PAGE_LINES));
    const at = 2 * (line & (PAGE_LINES - 1));
    page[at] = low;
    page[at + 1] = high;
  }

  /** @returns false if a line has none */
  areEqual(line: number, other: number): boolean {
    const value = this.#get(line);
    return value !== 0n && value === this.#get(other);
  }

  /** The first of these lines that has this fingerprint. */
  firstLineOf(wanted: readonly Fingerprint[]): (fingerprint: Fingerprint) => number | undefined {
    const values = new Set(wanted.map(toBigInt));
    const firstOf = new Map<bigint, number>();
    for (const [line, value] of this.#entries((candidate) => values.has(candidate))) if (!firstOf.has(value)) firstOf.set(value, line);
    return (fingerprint) => firstOf.get(toBigInt(fingerprint));
  }

  /** Lines whose fingerprint an earlier accepted line has, with that first line. */
  *repeats(accepts: (line: number) => boolean): Generator<{ line: number; first: number }> {
    const repeated = new Set<bigint>();
    for (let slice = 0; slice < SLICES; slice++) for (const value of this.#repeatedIn(slice, accepts)) repeated.add(value);
    if (repeated.size === 0) return;
    const firstOf = new Map<bigint, number>();
    for (const [line, value] of this.#entries((candidate) => repeated.has(candidate))) {
      if (!accepts(line)) continue;
      const first = firstOf.get(value);
      if (first === undefined) firstOf.set(value, line);
      else yield { line, first };
    }
  }

  #get(line: number): bigint {
    const page = this.#pages[line >>> PAGE_BITS];
    const at = 2 * (line & (PAGE_LINES - 1));
    return page ? toBigInt({ low: page[at]!, high: page[at + 1]! }) : 0n;
  }

  *#entries(wants: (value: bigint) => boolean): Generator<[line: number, value: bigint]> {
    for (const [index, page] of this.#pages.entries()) {
      if (!page) continue;
      const values = new BigUint64Array(page.buffer);
      for (let i = 0; i < PAGE_LINES; i++) if (values[i] !== 0n && wants(values[i]!)) yield [index * PAGE_LINES + i, values[i]!];
    }
  }

  /** Values of one slice that more than one accepted line has. */
  #repeatedIn(slice: number, accepts: (line: number) => boolean): BigUint64Array {
    const values = new BigUint64Array(this.#countSlice(slice));
    const halves = new Uint32Array(values.buffer);
    let end = 0;
    for (const [index, page] of this.#pages.entries()) {
      if (!page) continue;
      for (let at = 0; at < page.length; at += 2) {
        if (!isIn(slice, page, at) || !accepts(index * PAGE_LINES + (at >> 1))) continue;
        halves[end++] = page[at]!;
        halves[end++] = page[at + 1]!;
      }
    }
    const sorted = values.subarray(0, end / 2).sort();
    return sorted.filter((value, i) => i > 0 && value === sorted[i - 1]);
  }

  #countSlice(slice: number): number {
    let count = 0;
    for (const page of this.#pages) if (page) for (let at = 0; at < page.length; at += 2) if (isIn(slice, page, at)) count++;
    return count;
  }
}

const isIn = (slice: number, page: Uint32Array, at: number): boolean => page[at + 1]! >>> SLICE_SHIFT === slice && page[at] !== 0;

/** As a little-endian machine reads the two halves. */
const toBigInt = ({ high, low }: Fingerprint): bigint => (BigInt(high) << 32n) | BigInt(low);
