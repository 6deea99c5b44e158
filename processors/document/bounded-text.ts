/** Text that is put together of pieces, and no longer than asked for. */
export class BoundedText {
  readonly #maxCharacters: number;
  readonly #pieces: string[] = [];
  #length = 0;

  constructor(maxCharacters: number) {
    this.#maxCharacters = maxCharacters;
  }

  add(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** More than is asked for: whoever reads on reads for nothing. */
  get isFull(): boolean {
    return this.#length > this.#maxCharacters;
  }

  end(): { readonly text: string; readonly isCut: boolean } {
    return boundText(this.#pieces.join(''), this.#maxCharacters);
  }
}

/** Without control characters, blanks at the ends of lines and runs of empty lines; cut between two characters. */
export function boundText(raw: string, maxCharacters: number): { readonly text: string; readonly isCut: boolean } {
  // Some beyond the bound: cleaning takes away.
  const cleaned = cleanLines(raw.slice(0, 2 * maxCharacters));
  const isCut = raw.length > 2 * maxCharacters || cleaned.length > maxCharacters;
  return { text: cleaned.slice(0, maxCharacters).replace(/[\uD800-\uDBFF]$/, '').trimEnd().toWellFormed(), isCut };
}

/** Without regular expressions that look for the end of a run of blanks: on a long run that ends in text they take its length squared. */
const cleanLines = (text: string): string =>
  text
    .replace(/\r\n?|[\f\v\u0085\u2028\u2029]/g, '\n')
    .replace(/[\p{Cc}\uFFFE\uFFFF]/gu, (character) => (character === '\n' || character === '\t' ? character : ''))
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
