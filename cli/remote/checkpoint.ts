import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file as it was when it was sent. */
export interface SentFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/**
 * What of an upload has arrived, kept in a file: a line is added when a file is stored, so that a process that is killed anywhere loses only what it had in flight.
 * A line that was cut is as if it had not been written.
 */
export class Checkpoint {
  readonly upload: string;
  readonly #file: string;
  readonly #sent: Map<string, SentFile>;

  private constructor(file: string, upload: string, sent: Map<string, SentFile>) {
    this.#file = file;
    this.upload = upload;
    this.#sent = sent;
  }

  /** @returns undefined if there is none */
  static async read(file: string): Promise<Checkpoint | undefined> {
    const text = await readFile(file, 'utf8').catch(() => '');
    const [first, ...lines] = text.split('\n').flatMap(parseLine);
    const upload = (first as { upload?: string } | undefined)?.upload;
    if (upload === undefined) return undefined;
    // What follows a cut line begins on one of its own.
    if (!text.endsWith('\n')) await appendFile(file, '\n');
    return new Checkpoint(file, upload, new Map((lines as SentFile[]).map((sent) => [sent.path, sent])));
  }

  static async create(file: string, upload: string): Promise<Checkpoint> {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, `${JSON.stringify({ upload })}\n`, { mode: 0o600 });
    return new Checkpoint(file, upload, new Map());
  }

  has({ path, bytes, modifiedMs }: SentFile): boolean {
    const sent = this.#sent.get(path);
    return sent !== undefined && sent.bytes === bytes && sent.modifiedMs === modifiedMs;
  }

  async add(sent: SentFile): Promise<void> {
    this.#sent.set(sent.path, sent);
    await appendFile(this.#file, `${JSON.stringify(sent)}\n`);
  }

  remove(): Promise<void> {
    return rm(this.#file, { force: true });
  }
}

function parseLine(line: string): unknown[] {
  try {
    return line === '' ? [] : [JSON.parse(line)];
  } catch {
    return [];
  }
}
