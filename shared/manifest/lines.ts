import { isAscii, isUtf8 } from 'node:buffer';
import { MAX_KEPT_ROW_BYTES, MAX_ROW_BYTES } from './limits.ts';
import { BROKEN_UTF8, OVERSIZED_ROW, decodeCut } from './manifest-row.ts';

/** Consecutive lines of a text. */
export interface LineBlock {
  /** Number of the first line, from 1. */
  readonly firstLine: number;
  readonly lines: readonly string[];
  /** What ended each line (`\n`, `\r\n`, `\r`, or '' at the end of the text). Undefined: `\n` all of them. */
  readonly ends: readonly string[] | undefined;
  /** Index of a line that can't be read -> why; its text is then only the start. */
  readonly faults: ReadonlyMap<number, string> | undefined;
}

const LF = 10;
const CR = 13;

/**
 * Cuts UTF-8 bytes into lines: LF, CRLF or a lone CR. How the bytes were chunked makes no difference to the lines.
 * Holds one chunk and at most one row in memory: of an oversized line only the start is kept.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<LineBlock> {
  const splitter = new LineSplitter();
  for await (const chunk of chunks) yield* splitter.push(chunk);
  yield* splitter.end();
}

class LineSplitter {
  #line = 1;
  /** The unfinished last line, in pieces. */
  #carry: Uint8Array[] = [];
  #carryBytes = 0;
  /** Start of the oversized line that is being skipped. */
  #oversized: Uint8Array | undefined;
  /** The oversized line's last seen byte is a CR: it has ended, with or without a LF to come. */
  #oversizedEndsInCr = false;

  *push(chunk: Uint8Array): Generator<LineBlock> {
    let rest = chunk;
    if (this.#oversized !== undefined) {
      const end = this.#skipOversized(rest);
      if (end === undefined) return;
      yield this.#endOversized();
      rest = rest.subarray(end);
    }
    const whole = this.#carryEndsInCr() ? this.#join(rest) : rest;
    const end = endOfLastLine(whole);
    if (end === 0) return this.#keep(whole);
    yield this.#block(this.#join(whole.subarray(0, end)));
    this.#keep(whole.subarray(end));
  }

  *end(): Generator<LineBlock> {
    if (this.#oversized !== undefined) yield this.#endOversized();
    const last = this.#join(EMPTY);
    if (last.length > 0) yield this.#block(last);
  }

  /** A CR at the end of what is there may be the first half of a CRLF: it is looked at again with the next byte. */
  #carryEndsInCr(): boolean {
    return this.#carry.at(-1)?.at(-1) === CR;
  }

  #join(bytes: Uint8Array): Uint8Array {
    if (this.#carryBytes === 0) return bytes;
    const joined = Buffer.concat([...this.#carry, bytes]);
    this.#carry = [];
    this.#carryBytes = 0;
    return joined;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#carry.push(bytes);
    this.#carryBytes += bytes.length;
    // One byte more may still be the CR of the line's end.
    if (this.#carryBytes <= MAX_ROW_BYTES + 1) return;
    this.#oversizedEndsInCr = this.#carryEndsInCr();
    this.#oversized = this.#join(EMPTY).slice(0, MAX_KEPT_ROW_BYTES);
  }

  /** Where the next line begins, if the oversized one ends here. */
  #skipOversized(bytes: Uint8Array): number | undefined {
    if (bytes.length === 0) return undefined;
    if (this.#oversizedEndsInCr) return bytes[0] === LF ? 1 : 0;
    const end = firstLineEnd(bytes);
    if (end === -1) return undefined;
    if (bytes[end] === LF) return end + 1;
    if (end + 1 < bytes.length) return bytes[end + 1] === LF ? end + 2 : end + 1;
    this.#oversizedEndsInCr = true;
    return undefined;
  }

  #endOversized(): LineBlock {
    const lines = [decodeCut(this.#oversized!)];
    this.#oversized = undefined;
    this.#oversizedEndsInCr = false;
    return { firstLine: this.#line++, lines, ends: ['\n'], faults: new Map([[0, OVERSIZED_ROW]]) };
  }

  #block(bytes: Uint8Array): LineBlock {
    const block = blockOf(this.#line, bytes);
    this.#line += block.lines.length;
    return block;
  }
}

const EMPTY = new Uint8Array(0);

/** -1 if there is none. A search in native code: of a compressed bomb this is all the work. */
function firstLineEnd(bytes: Uint8Array): number {
  const lf = bytes.indexOf(LF);
  const cr = bytes.subarray(0, lf === -1 ? bytes.length : lf).indexOf(CR);
  return cr === -1 ? lf : cr;
}

/** Just after the last line end, 0 if there is none. A CR as the very last byte does not count yet. */
function endOfLastLine(bytes: Uint8Array): number {
  const afterLf = bytes.lastIndexOf(LF) + 1;
  return afterLf + bytes.subarray(afterLf, -1).lastIndexOf(CR) + 1;
}

function blockOf(firstLine: number, bytes: Uint8Array): LineBlock {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoding = isAscii(buffer) ? 'latin1' : isUtf8(buffer) ? 'utf8' : undefined;
  if (encoding === undefined) return brokenBlock(firstLine, buffer);
  const { lines, ends } = cutLines(buffer.toString(encoding), buffer.includes(CR));
  if (buffer.length <= MAX_ROW_BYTES) return { firstLine, lines, ends, faults: undefined };
  return checkSizes({ firstLine, lines, ends, faults: undefined });
}

function cutLines(text: string, hasCr: boolean): { lines: string[]; ends: string[] | undefined } {
  if (!hasCr && text.endsWith('\n')) return { lines: text.slice(0, -1).split('\n'), ends: undefined };
  const pieces = text.split(/(\r\n|\n|\r)/);
  const lines = pieces.filter((_, i) => i % 2 === 0);
  const ends = pieces.filter((_, i) => i % 2 === 1);
  if (lines.at(-1) === '') lines.pop();
  else ends.push('');
  return { lines, ends };
}

function checkSizes(block: LineBlock): LineBlock {
  const faults = new Map<number, string>();
  const lines = block.lines.map((line, i) => {
    if (line.length * 3 <= MAX_ROW_BYTES || Buffer.byteLength(line) <= MAX_ROW_BYTES) return line;
    faults.set(i, OVERSIZED_ROW);
    return decodeCut(Buffer.from(line.slice(0, MAX_KEPT_ROW_BYTES)).subarray(0, MAX_KEPT_ROW_BYTES));
  });
  return faults.size === 0 ? block : { ...block, lines, faults };
}

/** Only the lines with the broken bytes suffer. latin1 keeps every byte as one character, so that lines can be cut before they are decoded. */
function brokenBlock(firstLine: number, buffer: Buffer): LineBlock {
  const { lines: raw, ends } = cutLines(buffer.toString('latin1'), true);
  const faults = new Map<number, string>();
  const lines = raw.map((line, i) => {
    const bytes = Buffer.from(line, 'latin1');
    const reason = bytes.length > MAX_ROW_BYTES ? OVERSIZED_ROW : isUtf8(bytes) ? undefined : BROKEN_UTF8;
    if (reason === undefined) return bytes.toString('utf8');
    faults.set(i, reason);
    return decodeCut(bytes.subarray(0, MAX_KEPT_ROW_BYTES));
  });
  return { firstLine, lines, ends, faults };
}
