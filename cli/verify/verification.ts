import type { Processor } from '../../processors/processor.ts';
import type { ObjectStore } from '../../shared/ports.ts';
import type { FaultLog } from './faults.ts';
import type { LedgerView, ReadableLedger } from './ledger-view.ts';
import { LineMarks, LineNumbers } from './line-table.ts';
import type { FileReading } from './read-file.ts';
import { readFileLines } from './read-file.ts';
import type { RunManifest } from './rows-schema.ts';

export interface VerifyInput {
  /** The results bucket. */
  readonly results: ObjectStore;
  /** The bucket that manifest was uploaded to. */
  readonly manifestStoreOf: (bucket: string) => ObjectStore;
  readonly tenant: string;
  readonly run: string;
  readonly processorOf: (name: string) => Processor | undefined;
  /** Without it only the files are held against each other. */
  readonly ledger?: ReadableLedger;
}

/** What the checks share: findings so far, and eight marks and three numbers a line. */
export class Verification {
  readonly input: VerifyInput;
  readonly manifest: RunManifest;
  readonly prefix: string;
  readonly faults: FaultLog;
  /** Undefined: it is not to be read, or has no record of the run. */
  readonly ledger: LedgerView | undefined;
  readonly marks = new LineMarks();
  /** Checksum of id and input of each item, from the plan. */
  readonly items = new LineNumbers();
  /** Checksum of the error of each failed line. */
  readonly errors = new LineNumbers();
  /** Line that each duplicate names. */
  readonly duplicateOf = new LineNumbers();
  readonly recount = { succeeded: 0, failed: 0, skipped: 0, planned: 0, duplicates: 0, invalid: 0, parts: 0 };
  readonly #listed: ReadonlyMap<string, { bytes: number; sha256: string }>;
  readonly #checked = new Set<string>();

  constructor(input: VerifyInput, { manifest, prefix, faults, ledger }: { manifest: RunManifest; prefix: string; faults: FaultLog; ledger: LedgerView | undefined }) {
    this.input = input;
    this.manifest = manifest;
    this.prefix = prefix;
    this.faults = faults;
    this.ledger = ledger;
    this.#listed = new Map(manifest.files.map((file) => [file.path, file]));
  }

  isListed(path: string): boolean {
    return this.#listed.has(path);
  }

  listedPaths(): Iterable<string> {
    return this.#listed.keys();
  }

  uncheckedPaths(): string[] {
    return [...this.#listed.keys()].filter((path) => !this.#checked.has(path));
  }

  /** Reads a listed file once: its lines go to `onLine`, its bytes are held against the list. */
  async readListed(path: string, onLine: (text: string, line: number) => void): Promise<FileReading> {
    const reading = await readFileLines(this.input.results, this.prefix + path, onLine);
    this.compareFacts(path, reading.kind === 'missing' ? undefined : reading.facts);
    return reading;
  }

  compareFacts(path: string, facts: { bytes: number; sha256: string } | undefined): void {
    this.#checked.add(path);
    const listed = this.#listed.get(path);
    if (!listed) return;
    if (!facts) {
      this.faults.add('file-missing', path, `manifest.json lists this file of ${listed.bytes} bytes, but it is not there`);
    } else if (facts.bytes !== listed.bytes) {
      this.faults.add('file-changed', path, `manifest.json says ${listed.bytes} bytes, the file has ${facts.bytes}`);
    } else if (facts.sha256 !== listed.sha256) {
      this.faults.add('file-changed', path, `manifest.json says SHA-256 ${listed.sha256}, the file has ${facts.sha256}`);
    }
  }
}
