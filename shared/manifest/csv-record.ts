/** One csv record that comes line by line: each character is looked at once, however many lines a quoted cell spans. */
export class CsvRecord {
  readonly cells: string[] = [];
  readonly #delimiter: string;
  readonly #lines: string[] = [];
  #end = '';
  /** Of the raw record without its last line end, in UTF-8: known without joining the lines. */
  bytes = 0;
  /** The quoted cell so far; undefined: no quote is open. */
  #quoted: string | undefined;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  /** The raw record without its last line end. */
  get text(): string {
    return this.#lines.join('');
  }

  /** Adds a line and what ended it. */
  push(line: string, end: string): 'done' | 'open' | 'broken' {
    this.#lines.push(this.#end + line);
    this.bytes += this.#end.length + Buffer.byteLength(line);
    this.#end = end;
    let at: number | undefined = 0;
    while (at !== undefined && at <= line.length) {
      if (this.#quoted === undefined && line[at] !== '"') {
        at = this.#plainCell(line, at);
        continue;
      }
      if (this.#quoted === undefined) {
        this.#quoted = '';
        at++;
      }
      const after: number = this.#quotedCell(line, at);
      if (after === -1) {
        this.#quoted += line.slice(at) + end;
        return 'open';
      }
      if (after < line.length && line[after] !== this.#delimiter) return 'broken';
      at = after < line.length ? after + 1 : undefined;
    }
    return 'done';
  }

  /** @returns where the next cell begins, undefined after the last */
  #plainCell(line: string, at: number): number | undefined {
    const next = line.indexOf(this.#delimiter, at);
    this.cells.push(next === -1 ? line.slice(at) : line.slice(at, next));
    return next === -1 ? undefined : next + 1;
  }

  /** @returns just after the closing quote, or -1 with nothing changed if the line does not close the cell */
  #quotedCell(line: string, at: number): number {
    let close = line.indexOf('"', at);
    while (close !== -1 && line[close + 1] === '"') close = line.indexOf('"', close + 2);
    if (close === -1) return -1;
    this.cells.push((this.#quoted + line.slice(at, close)).replaceAll('""', '"'));
    this.#quoted = undefined;
    return close + 1;
  }
}
