import { hash } from 'node:crypto';

/**
 * Remembers the first line of every key, by 96 bits of the key's SHA-256: at ten million keys the chance of one false
 * duplicate is below 1 in 10^15. 16 bytes a slot; 64 segments grow one by one, so that growing never holds the table twice.
 */
export class EqualityTable {
  readonly #segments: Segment[] = Array.from({ length: SEGMENTS }, () => new Segment());
  size = 0;

  /** @returns the line that had the key before, or undefined after remembering this one. `line` is from 1 to 2^32 - 1. */
  firstLineOf(key: string, line: number): number | undefined {
    // One character a byte: twice as fast as a buffer.
    const digest = hash('sha256', key.isWellFormed() ? key : bytesOfIllFormed(key), 'binary');
    const a = wordAt(digest, 0);
    const segment = this.#segments[a & (SEGMENTS - 1)]!;
    const earlier = segment.findOrInsert(a, wordAt(digest, 4), wordAt(digest, 8), line);
    if (earlier === undefined) this.size++;
    return earlier;
  }
}

/** UTF-8 has one byte sequence for all halves of characters. 0xFF never stands in UTF-8: no other key has these bytes. */
const bytesOfIllFormed = (key: string): Uint8Array => Buffer.concat([Buffer.from([0xff]), Buffer.from(key, 'utf16le')]);

const SEGMENTS = 64;
const FIRST_SLOTS = 256;
const MAX_LOAD = 0.8;
/** Small steps: all segments fill at the same pace, so doubling would leave half of the table empty at times. */
const GROWTH = 1.3;
/** Three words of fingerprint, one of the line; line 0: free. */
const WORDS = 4;

/** Open addressing with linear probing. The segment took the low bits of `a`, so the slot is taken from `b`. */
class Segment {
  #slots = FIRST_SLOTS;
  #words = new Uint32Array(FIRST_SLOTS * WORDS);
  #used = 0;

  findOrInsert(a: number, b: number, c: number, line: number): number | undefined {
    const words = this.#words;
    const end = this.#slots * WORDS;
    let at = this.#startOf(b);
    for (; words[at + 3] !== 0; at = at + WORDS === end ? 0 : at + WORDS) {
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return words[at + 3];
    }
    words[at] = a;
    words[at + 1] = b;
    words[at + 2] = c;
    words[at + 3] = line;
    if (++this.#used > this.#slots * MAX_LOAD) this.#grow();
    return undefined;
  }

  /** Scales the word to the slots: they need not be a power of two. */
  #startOf(b: number): number {
    return Math.floor((b * this.#slots) / 2 ** 32) * WORDS;
  }

  #grow(): void {
    const old = this.#words;
    this.#slots = Math.ceil(this.#slots * GROWTH);
    const end = this.#slots * WORDS;
    const words = new Uint32Array(end);
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from + 3] === 0) continue;
      let at = this.#startOf(old[from + 1]!);
      while (words[at + 3] !== 0) at = at + WORDS === end ? 0 : at + WORDS;
      for (let word = 0; word < WORDS; word++) words[at + word] = old[from + word]!;
    }
    this.#words = words;
    // Gives the old memory back now: the collector, which sees only a small object, would leave hundreds of megabytes lying about.
    old.buffer.transfer(0);
  }
}

const wordAt = (digest: string, at: number): number =>
  (digest.charCodeAt(at) | (digest.charCodeAt(at + 1) << 8) | (digest.charCodeAt(at + 2) << 16) | (digest.charCodeAt(at + 3) << 24)) >>> 0;
