import { isUtf8 } from 'node:buffer';
import { ManifestRefusedError } from '../errors.ts';
import { MAX_KEPT_ROW_BYTES, MAX_ROW_BYTES } from './limits.ts';
import { BROKEN_UTF8, OVERSIZED_ROW, decodeCut, fault, rowOfJson } from './manifest-row.ts';
import type { ManifestRow, RowNaming } from './manifest-row.ts';

/**
 * json: one array of texts or objects, streamed: an element at a time is in memory, and of an oversized one only its start.
 * Numbers count elements. @throws ManifestRefusedError if it is no array, does not end, or is followed by more
 */
export async function* readJsonArray(body: AsyncIterable<Uint8Array>, naming: RowNaming): AsyncGenerator<ManifestRow[]> {
  const cutter = new ElementCutter(naming);
  for await (const chunk of body) yield cutter.push(chunk);
  cutter.end();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const isOpening = (byte: number): boolean => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number): boolean => byte === 0x5d || byte === 0x7d;
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** Finds the commas between elements; what is inside an element is left to JSON.parse. */
class ElementCutter {
  readonly #naming: RowNaming;
  #place: 'before' | 'inside' | 'after' = 'before';
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #element = 1;
  #pieces: Uint8Array[] = [];
  /** Of the element so far, also what was not kept. */
  #bytes = 0;

  constructor(naming: RowNaming) {
    this.#naming = naming;
  }

  push(chunk: Uint8Array): ManifestRow[] {
    const rows: ManifestRow[] = [];
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#place !== 'inside') {
        if (!isSpace(byte)) this.#open(byte);
        start = i + 1;
      } else if (this.#endsElement(byte)) {
        this.#keep(chunk.subarray(start, i));
        this.#emit(rows, byte);
        start = i + 1;
      }
    }
    if (this.#place === 'inside') this.#keep(chunk.subarray(start));
    return rows;
  }

  end(): void {
    if (this.#place === 'before') throw new ManifestRefusedError('expected a JSON array, got an empty file');
    if (this.#place === 'inside') throw new ManifestRefusedError(`expected the JSON array to end with \`]\`, got the end of the file in element ${this.#element}: upload the whole file`);
  }

  #open(byte: number): void {
    if (this.#place === 'after') throw new ManifestRefusedError(`expected nothing after the JSON array's \`]\`, got more after element ${this.#element - 1}: one array is one manifest`);
    if (byte !== 0x5b) throw new ManifestRefusedError(`expected a JSON array of texts or objects, got ${JSON.stringify(String.fromCharCode(byte))} first: wrap the rows in [ ] or use jsonl`);
    this.#place = 'inside';
  }

  #endsElement(byte: number): boolean {
    if (this.#isInText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInText = false;
      return false;
    }
    if (byte === QUOTE) this.#isInText = true;
    else if (isOpening(byte)) this.#depth++;
    else if (this.#depth === 0) return byte === COMMA || byte === 0x5d;
    else if (isClosing(byte)) this.#depth--;
    return false;
  }

  #keep(bytes: Uint8Array): void {
    // Space before an element is no part of it, however much there is.
    const start = this.#bytes === 0 ? bytes.findIndex((byte) => !isSpace(byte)) : 0;
    if (start === -1 || bytes.length === 0) return;
    if (this.#bytes <= MAX_ROW_BYTES) this.#pieces.push(Uint8Array.from(bytes.subarray(start, start + MAX_ROW_BYTES + 1 - this.#bytes)));
    this.#bytes += bytes.length - start;
  }

  #emit(rows: ManifestRow[], byte: number): void {
    const row = this.#row();
    const isEnd = byte !== COMMA;
    if (isEnd) this.#place = 'after';
    // `[]` has no element, and `[1,]` no second one.
    if (row !== undefined) rows.push(row);
    else if (!isEnd) rows.push(fault(this.#element, '', 'expected a JSON text or object, got nothing before the comma'));
    this.#element++;
    this.#pieces = [];
    this.#bytes = 0;
  }

  #row(): ManifestRow | undefined {
    if (this.#bytes === 0) return undefined;
    const bytes = trimEnd(Buffer.concat(this.#pieces));
    const isOversized = this.#bytes > MAX_ROW_BYTES;
    if (isOversized) return fault(this.#element, decodeCut(bytes.subarray(0, MAX_KEPT_ROW_BYTES)), OVERSIZED_ROW);
    if (!isUtf8(bytes)) return fault(this.#element, decodeCut(bytes.subarray(0, MAX_KEPT_ROW_BYTES)), BROKEN_UTF8);
    return rowOfJson(this.#element, bytes.toString('utf8'), this.#naming);
  }
}

function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && isSpace(bytes[end - 1]!)) end--;
  return bytes.subarray(0, end);
}
