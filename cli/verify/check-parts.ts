import type { z } from 'zod';
import { parsePartPath } from '../../shared/names.ts';
import { canonicalJson, checksumOf, itemChecksum } from './fingerprint.ts';
import { LINE_IS } from './line-table.ts';
import type { PartHeader } from './rows-schema.ts';
import { parseRow, partHeaderSchema, resultRowSchema, STOP_REASONS } from './rows-schema.ts';
import type { Verification } from './verification.ts';

type ResultRow = z.infer<typeof resultRowSchema>;

/** A listed part, as its name says. */
export interface NamedPart {
  readonly path: string;
  readonly shard: number;
  readonly batch: number;
  readonly id: string;
}

/** What is kept of a result row once it is read: its output may be a whole page. */
export interface SettledRow {
  readonly path: string;
  /** Row of the part's file, from 1. */
  readonly at: number;
  readonly batch: number;
  readonly line: number;
  /** Checksum of its id and input. */
  readonly item: number;
  readonly verdict: ResultRow['verdict'];
  /** No part before had a row of this line. */
  readonly isFirst: boolean;
}

/** How the parts of one batch end. */
export interface ChainEnd {
  /** Id of the part that no other one follows; undefined: there is not exactly one. */
  readonly head: string | undefined;
  /** Its settle number. */
  readonly q: number;
}

/** What the parts of one shard gave. */
export interface SettledShard {
  readonly verdicts: Readonly<Record<ResultRow['verdict'], number>>;
  readonly chains: ReadonlyMap<number, ChainEnd>;
}

interface ReadPart extends NamedPart {
  readonly header: PartHeader;
}

export function listPartsByShard(paths: Iterable<string>): Map<number, NamedPart[]> {
  const byShard = new Map<number, NamedPart[]>();
  for (const path of paths) {
    const name = parsePartPath(path);
    if (!name) continue;
    const parts = byShard.get(name.shard) ?? [];
    parts.push({ path, shard: name.shard, batch: name.batch, id: name.part });
    byShard.set(name.shard, parts);
  }
  return byShard;
}

/** Reads the parts of one shard, hands every row on, and walks the chain of each batch. */
export async function checkPartsOfShard(check: Verification, parts: readonly NamedPart[], onRow: (row: SettledRow) => void): Promise<SettledShard> {
  const read: ReadPart[] = [];
  const verdicts = { succeeded: 0, failed: 0, skipped: 0 };
  for (const part of parts) {
    const header = await readPart(check, part, (row) => {
      if (row.isFirst) verdicts[row.verdict]++;
      onRow(row);
    });
    if (header) read.push({ ...part, header });
  }
  const chains = new Map<number, ChainEnd>();
  for (const [batch, chain] of Map.groupBy(read, (part) => part.batch)) {
    checkChain(check, chain);
    chains.set(batch, endOf(chain));
  }
  return { verdicts, chains };
}

function endOf(chain: readonly ReadPart[]): ChainEnd {
  const followed = new Set(chain.map(({ header }) => header.previous));
  const [last, rival] = chain.filter(({ id }) => !followed.has(id));
  return { head: rival ? undefined : last?.id, q: last?.header.q ?? 0 };
}

async function readPart(check: Verification, part: NamedPart, onRow: (row: SettledRow) => void): Promise<PartHeader | undefined> {
  const { faults } = check;
  let header: PartHeader | undefined;
  let rowCount = 0;
  const reading = await check.readListed(part.path, (text, at) => {
    if (at > 1) {
      rowCount++;
      const row = takeRow(check, part, text, at);
      if (row) onRow(row);
      return;
    }
    const parsed = parseRow(partHeaderSchema, text);
    if ('row' in parsed) header = parsed.row;
    else faults.add('part-malformed', part.path, `expected the part's header, but ${parsed.reason}`, 1);
  });
  check.recount.parts++;
  if (reading.kind === 'missing') return undefined;
  checkPartName(check, part, reading.facts.sha256);
  if (reading.kind === 'broken') faults.add('part-malformed', part.path, `it can't be read to its end: ${reading.reason}`);
  else if (!header && rowCount === 0) faults.add('part-malformed', part.path, 'expected a header row, found none');
  if (header) checkHeader(check, part, header, rowCount);
  return header;
}

function checkPartName(check: Verification, part: NamedPart, sha256: string): void {
  const id = Buffer.from(sha256, 'hex').toString('base64url');
  if (id !== part.id) check.faults.add('part-misnamed', part.path, `its bytes are those of part ${id}`);
}

function checkHeader(check: Verification, part: NamedPart, header: PartHeader, rowCount: number): void {
  const { faults, manifest } = check;
  const expected = { run: manifest.run, shard: part.shard, batch: part.batch };
  for (const field of ['run', 'shard', 'batch'] as const) {
    if (header[field] === expected[field]) continue;
    faults.add('part-header-wrong', part.path, `the header says ${field} ${header[field]}, its name and run say ${expected[field]}`, 1);
  }
  if (header.rows !== rowCount) {
    faults.add('part-row-count', part.path, `the header says ${header.rows} rows, ${rowCount} follow`, 1);
  }
}

function takeRow(check: Verification, part: NamedPart, text: string, at: number): SettledRow | undefined {
  const parsed = parseRow(resultRowSchema, text);
  if (!('row' in parsed)) {
    check.faults.add('row-malformed', part.path, `expected a result, but ${parsed.reason}`, at);
    return undefined;
  }
  const { row } = parsed;
  const isFirst = check.marks.add(row.line, LINE_IS.settled);
  if (isFirst) countRow(check, row);
  else check.faults.add('row-doubled', part.path, `line ${row.line} has a result already`, at);
  checkStopReason(check, row, part.path, at);
  return { path: part.path, at, batch: part.batch, line: row.line, item: itemChecksum(row), verdict: row.verdict, isFirst };
}

/** A row that was skipped because the run was stopped says what manifest.json says. */
function checkStopReason({ manifest, faults }: Verification, row: ResultRow, path: string, at: number): void {
  if (row.verdict !== 'skipped' || !isStopReason(row.reason) || row.reason === manifest.stop?.reason) return;
  faults.add('stop-wrong', path, `line ${row.line} is skipped for the reason ${row.reason}, manifest.json names ${manifest.stop ? `the stop ${manifest.stop.reason}` : 'no stop'}`, at);
}

const isStopReason = (reason: string): boolean => STOP_REASONS.some((each) => each === reason);

function countRow(check: Verification, row: ResultRow): void {
  check.recount[row.verdict]++;
  if (row.verdict !== 'failed') return;
  check.marks.add(row.line, LINE_IS.failed);
  check.errors.set(row.line, checksumOf(canonicalJson(row.error)));
}

/** From the head (the part that none names) through every `previous` to the first: no fork, no circle, none left over. */
function checkChain(check: Verification, parts: readonly ReadPart[]): void {
  const { faults } = check;
  const byId = new Map(parts.map((part) => [part.id, part]));
  const successorOf = new Map<string | null, ReadPart>();
  for (const part of parts) {
    const { previous } = part.header;
    const rival = successorOf.get(previous);
    if (rival) faults.add('chain-forked', part.path, `${rival.path} follows ${previous ?? 'the batch\'s start'}, too`, 1);
    else successorOf.set(previous, part);
    if (previous !== null) checkLink(check, part, byId.get(previous), previous);
  }
  const first = successorOf.get(null);
  if (first && first.header.q !== 1) faults.add('part-header-wrong', first.path, `it is the first of its batch, but its settle number is ${first.header.q}`, 1);
  if (!first && parts.every(({ header }) => byId.has(header.previous ?? ''))) {
    faults.add('chain-cyclic', parts[0]!.path, `no part of batch ${parts[0]!.batch} is the first: each names another one`, 1);
  }
}

function checkLink(check: Verification, part: ReadPart, before: ReadPart | undefined, previous: string): void {
  const { faults } = check;
  if (!before) faults.add('chain-broken', part.path, `it follows part ${previous} of its batch, which manifest.json does not list`, 1);
  else if (part.header.q !== before.header.q + 1) {
    faults.add('part-header-wrong', part.path, `its settle number is ${part.header.q}, that of the part before it is ${before.header.q}`, 1);
  }
}
