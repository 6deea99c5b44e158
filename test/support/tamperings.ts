import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { FaultName } from '../../cli/verify/faults.ts';
import type { StoredRun } from './finished-run.ts';

/**
 * One way to falsify a finished run, and the name that `verify` must give it. The tamperer is careful: where the fault is about meaning,
 * hashes, names and lists are made right again, so that only the meaning gives it away.
 */
export interface Tampering {
  readonly what: string;
  readonly finds: FaultName;
  readonly apply: (run: StoredRun) => void;
}

type Row = Record<string, unknown>;
interface Manifest {
  counts: Record<string, number>;
  totals: Record<string, number>;
  files: { path: string; bytes: number; sha256: string }[];
  source: { key: string };
  plan: string;
}

const prefixOf = ({ tenant, run }: StoredRun): string => `${tenant}/${run}/`;

function editManifest(run: StoredRun, edit: (manifest: Manifest) => void): void {
  const manifest = readManifest(run);
  edit(manifest);
  run.results.put(`${prefixOf(run)}manifest.json`, Buffer.from(JSON.stringify(manifest)));
}

const readManifest = (run: StoredRun): Manifest => JSON.parse(Buffer.from(run.results.bytesOf(`${prefixOf(run)}manifest.json`)).toString()) as Manifest;

const PART = /^(results\/\d{5,}-\d{2})-[\w-]{43}\.ndjson\.gz$/;

const readRows = (run: StoredRun, path: string): Row[] => {
  const bytes = run.results.bytesOf(prefixOf(run) + path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : Buffer.from(bytes)).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as Row);
};

const packRows = (rows: readonly Row[]): Buffer => gzipSync(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);

/** Last parts of their batches: nothing names them. */
function listHeads(run: StoredRun): string[] {
  const parts = readManifest(run).files.map(({ path }) => path).filter((path) => PART.test(path));
  const named = new Set(parts.map((path) => readRows(run, path)[0]!['previous']));
  return parts.filter((path) => !named.has(path.slice(-53, -10)));
}

const findHead = (run: StoredRun, wants: (rows: Row[]) => boolean = (rows) => rows.length > 0): string => listHeads(run).find((path) => wants(readRows(run, path).slice(1)))!;

/** Writes a part anew under its right name, and lists it rightly. */
function forgePart(run: StoredRun, path: string, edit: (rows: Row[]) => Row[]): void {
  const rows = edit(structuredClone(readRows(run, path)));
  storeForged(run, path, packRows(rows));
}

/** Takes a part's place: right name, right list. */
function storeForged(run: StoredRun, path: string, bytes: Uint8Array): void {
  const digest = createHash('sha256').update(bytes);
  const sha256 = digest.copy().digest('hex');
  const forged = PART.test(path) ? path.replace(PART, `$1-${digest.digest('base64url')}.ndjson.gz`) : path;
  run.results.delete(prefixOf(run) + path);
  run.results.put(prefixOf(run) + forged, bytes);
  editManifest(run, (manifest) => {
    manifest.files = manifest.files.filter((file) => file.path !== path);
    manifest.files.push({ path: forged, bytes: bytes.length, sha256 });
    sortFiles(manifest);
  });
}

const sortFiles = (manifest: Manifest): void => void manifest.files.sort((a, b) => (a.path < b.path ? -1 : 1));

const forgeRows = (run: StoredRun, edit: (header: Row, rows: Row[]) => Row[], wants?: (rows: Row[]) => boolean): void =>
  forgePart(run, findHead(run, wants), ([header, ...rows]) => {
    const edited = edit(header!, rows);
    return [{ ...header, rows: edited.length }, ...edited];
  });

const hasFailure = (rows: Row[]): boolean => rows.some((row) => row['verdict'] === 'failed');
const hasSuccess = (rows: Row[]): boolean => rows.some((row) => row['verdict'] === 'succeeded');

function editObject(run: StoredRun, path: string, edit: (bytes: Uint8Array) => Uint8Array): void {
  const key = prefixOf(run) + path;
  run.results.put(key, edit(run.results.bytesOf(key)));
}

const forgeSideFile = (run: StoredRun, path: string, edit: (rows: Row[]) => Row[]): void => storeForged(run, path, packRows(edit(readRows(run, path))));

const editPlanFile = (run: StoredRun, name: string, edit: (text: string) => string): void =>
  editObject(run, `plan/${readManifest(run).plan}/${name}`, (bytes) => Buffer.from(edit(Buffer.from(bytes).toString())));

const FIRST_SHARD = 'shards/00000.ndjson';

/** Apply to any run that has a success, a failure and a first shard file. */
export const TAMPERINGS: readonly Tampering[] = [
  { what: 'manifest.json removed', finds: 'manifest-missing', apply: (run) => run.results.delete(`${prefixOf(run)}manifest.json`) },
  { what: 'manifest.json cut', finds: 'manifest-malformed', apply: (run) => editObject(run, 'manifest.json', (bytes) => bytes.slice(0, 100)) },
  { what: 'a count edited', finds: 'counts-wrong', apply: (run) => editManifest(run, ({ counts }) => void counts['succeeded']!++) },
  { what: 'a total edited', finds: 'totals-wrong', apply: (run) => editManifest(run, ({ totals }) => void totals['rows']!--) },
  { what: 'a file listed twice', finds: 'file-list-unsorted', apply: (run) => editManifest(run, ({ files }) => void files.push(files[0]!)) },
  { what: 'the uploaded manifest removed', finds: 'source-missing', apply: (run) => run.manifests.delete(readManifest(run).source.key) },
  { what: 'the uploaded manifest edited in place', finds: 'source-changed', apply: (run) => editSource(run, (bytes) => Buffer.concat([bytes, Buffer.from('\n')])) },
  { what: 'the uploaded manifest replaced by a truncated gzip', finds: 'source-unreadable', apply: (run) => editSource(run, (bytes) => gzipSync(bytes).subarray(0, -20)) },
  { what: 'a part removed', finds: 'file-missing', apply: (run) => run.results.delete(prefixOf(run) + findHead(run)) },
  { what: 'a part truncated', finds: 'part-malformed', apply: (run) => editObject(run, findHead(run), (bytes) => bytes.slice(0, -12)) },
  { what: 'a byte of a part flipped', finds: 'file-changed', apply: (run) => editObject(run, findHead(run), flipLastByte) },
  { what: 'a part replaced by another of its name', finds: 'part-misnamed', apply: (run) => editObject(run, findHead(run), () => packRows([{ v: 1 }])) },
  { what: 'a part added', finds: 'file-unlisted', apply: (run) => void run.results.put(`${prefixOf(run)}results/00000-00-${'A'.repeat(43)}.ndjson.gz`, packRows([{}])) },
  { what: 'a strange file added', finds: 'file-unlisted', apply: (run) => void run.results.put(`${prefixOf(run)}results/notes.txt`, Buffer.from('hello')) },
  { what: 'a part taken off the list with its rows', finds: 'row-missing', apply: (run) => unlist(run, findHead(run)) },
  { what: 'the first part of a chain taken off the list', finds: 'chain-broken', apply: (run) => unlist(run, makeSecond(run)) },
  { what: 'a second part that follows the same one', finds: 'chain-forked', apply: forkChain },
  { what: 'a chain whose first part follows its last', finds: 'chain-cyclic', apply: closeChain },
  { what: 'a row dropped', finds: 'row-missing', apply: (run) => forgeRows(run, (_, rows) => rows.slice(1)) },
  { what: 'a row dropped, the header left', finds: 'part-row-count', apply: (run) => forgePart(run, findHead(run), (rows) => rows.slice(0, -1)) },
  { what: 'a row doubled', finds: 'row-doubled', apply: (run) => forgeRows(run, (_, rows) => [...rows, rows[0]!]) },
  { what: 'a row of no item', finds: 'row-unplanned', apply: (run) => forgeRows(run, (_, rows) => [...rows, { ...rows[0], line: 999_999 }]) },
  { what: 'the input of a row edited', finds: 'row-changed', apply: (run) => forgeRows(run, (_, [first, ...rows]) => [{ ...first, input: { url: 'https://evil.example/' } }, ...rows]) },
  { what: 'a row without its verdict', finds: 'row-malformed', apply: (run) => forgeRows(run, (_, [first, ...rows]) => [{ ...first, verdict: 'perhaps' }, ...rows]) },
  { what: 'a success flipped to a failure', finds: 'counts-wrong', apply: (run) => forgeRows(run, (_, rows) => rows.map(flipToFailure), hasSuccess) },
  { what: 'a failure flipped to a success', finds: 'errors-wrong', apply: (run) => forgeRows(run, (_, rows) => rows.map(flipToSuccess), hasFailure) },
  { what: 'an error renamed', finds: 'errors-wrong', apply: (run) => forgeRows(run, (_, rows) => rows.map(renameError), hasFailure) },
  { what: 'a header of another run', finds: 'part-header-wrong', apply: (run) => forgePart(run, findHead(run), ([header, ...rows]) => [{ ...header, run: 'rother' }, ...rows]) },
  { what: 'a failed row taken out of the errors', finds: 'errors-wrong', apply: (run) => forgeSideFile(run, 'errors.ndjson.gz', (rows) => rows.slice(1)) },
  { what: 'a row skipped for a stop that was none', finds: 'stop-wrong', apply: (run) => forgeRows(run, (_, [first, ...rows]) => [skipRow(first!), ...rows], (rows) => rows.length > 0) },
  { what: 'a settle number left out', finds: 'part-header-wrong', apply: (run) => forgePart(run, findHead(run), ([header, ...rows]) => [{ ...header, q: (header!['q'] as number) + 1 }, ...rows]) },
  { what: 'an item taken out of the plan', finds: 'row-unplanned', apply: (run) => editPlanFile(run, FIRST_SHARD, (text) => text.slice(text.indexOf('\n') + 1)) },
  { what: 'a shard file removed', finds: 'plan-missing', apply: (run) => run.results.delete(`${prefixOf(run)}plan/${readManifest(run).plan}/${FIRST_SHARD}`) },
  { what: 'the offsets of a shard edited', finds: 'plan-malformed', apply: (run) => editPlanFile(run, 'records.ndjson', (text) => text.replace('"offsets":[0,', '"offsets":[0,1')) },
  { what: 'the lines of a shard edited', finds: 'plan-malformed', apply: (run) => editPlanFile(run, 'records.ndjson', (text) => text.replace(/"lines":\[(\d)/, '"lines":[1$1')) },
  { what: 'a shard taken off the Map\'s list', finds: 'shard-list-wrong', apply: (run) => editPlanFile(run, 'shards.json', () => '[]') },
];

/** Need a run with a duplicate, invalid rows and two batches, as `buildFinishedRun` makes one. */
export const MANIFEST_TAMPERINGS: readonly Tampering[] = [
  { what: 'a duplicate of the wrong line', finds: 'duplicate-wrong', apply: (run) => forgeSideFile(run, 'results/duplicates.ndjson.gz', ([first, ...rows]) => [{ ...first, duplicateOf: 1 }, ...rows]) },
  { what: 'a duplicate of itself', finds: 'duplicate-wrong', apply: (run) => forgeSideFile(run, 'results/duplicates.ndjson.gz', ([first, ...rows]) => [{ ...first, duplicateOf: first!['line'] }, ...rows]) },
  { what: 'an invalid row left out', finds: 'source-row-lost', apply: (run) => forgeSideFile(run, 'invalid.ndjson.gz', (rows) => rows.slice(1)) },
  { what: 'an invalid row that the manifest has not', finds: 'source-row-added', apply: (run) => forgeSideFile(run, 'invalid.ndjson.gz', (rows) => [...rows, { ...rows[0], line: 900 }]) },
  { what: 'a valid item called invalid', finds: 'invalid-wrong', apply: callItemInvalid },
  { what: 'plan and results of an item changed alike', finds: 'input-wrong', apply: (run) => forgeEverywhere(run, 'page-3', 'page-X') },
  { what: 'a row moved to another batch of its shard', finds: 'row-misplaced', apply: moveRow },
  { what: 'a row of the manifest made equal to another', finds: 'duplicate-missed', apply: (run) => editSourceText(run, 'a.example/page-5"', 'a.example/page-4"') },
  { what: 'the id of a row of the manifest given to another', finds: 'id-repeated', apply: (run) => editSourceText(run, '"b5"', '"b4"') },
  { what: 'an item of the expansion left out', finds: 'source-row-added', apply: (run) => run.results.delete(`${prefixOf(run)}plan/${readManifest(run).plan}/expanded.ndjson.gz`) },
];

/** Same version, other bytes: a store that was written to behind S3's back. */
function editSource(run: StoredRun, edit: (bytes: Uint8Array) => Uint8Array): void {
  const { key } = readManifest(run).source;
  const bytes = run.manifests.bytesOf(key);
  run.manifests.delete(key);
  run.manifests.put(key, edit(bytes));
}

const editSourceText = (run: StoredRun, from: string, to: string): void => editSource(run, (bytes) => Buffer.from(Buffer.from(bytes).toString().replace(from, to)));

function flipLastByte(bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  flipped[flipped.length - 10]! ^= 1;
  return flipped;
}

const unlist = (run: StoredRun, path: string): void =>
  editManifest(run, (manifest) => {
    manifest.files = manifest.files.filter((file) => file.path !== path);
  });

/** Makes sure that a chain has two parts: the head gets an empty successor. @returns its predecessor */
function makeSecond(run: StoredRun): string {
  const head = findHead(run);
  addSuccessor(run, head, 1);
  return head;
}

function forkChain(run: StoredRun): void {
  const head = findHead(run);
  addSuccessor(run, head, 1);
  addSuccessor(run, head, 2);
}

/** A true circle of hashes can't be made: the first part keeps its name, and its place in the list is made right. */
function closeChain(run: StoredRun): void {
  const head = findHead(run);
  const parts = readManifest(run).files.map(({ path }) => path).filter((path) => PART.test(path) && path.slice(0, -53) === head.slice(0, -53));
  const first = parts.find((path) => readRows(run, path)[0]!['previous'] === null)!;
  const [header, ...rows] = readRows(run, first);
  const bytes = packRows([{ ...header, previous: head.slice(-53, -10) }, ...rows]);
  run.results.put(prefixOf(run) + first, bytes);
  editManifest(run, ({ files }) => {
    Object.assign(files.find(({ path }) => path === first)!, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  });
}

/** From the last part of one batch to that of another batch of the same shard. */
function moveRow(run: StoredRun): void {
  const from = findHead(run);
  const [, moved] = readRows(run, from);
  forgePart(run, from, ([header, , ...rows]) => [{ ...header, rows: rows.length }, ...rows]);
  const shard = from.slice(0, 'results/00000-'.length);
  const to = listHeads(run).find((path) => path.startsWith(shard) && path.slice(0, -53) !== from.slice(0, -53))!;
  forgePart(run, to, ([header, ...rows]) => [{ ...header, rows: rows.length + 1 }, ...rows, moved!]);
}

function addSuccessor(run: StoredRun, path: string, step: number): void {
  const header = readRows(run, path)[0]!;
  const bytes = packRows([{ ...header, q: (header['q'] as number) + step, previous: path.slice(-53, -10), rows: 0 }]);
  storeForged(run, path.replace(PART, `$1-${'-'.repeat(43)}.ndjson.gz`), bytes);
}

const flipToFailure = ({ output: _, ...row }: Row): Row => ({ ...row, verdict: 'failed', error: { name: 'Invented', message: 'it never happened', retryable: false } });

const flipToSuccess = ({ error, ...row }: Row): Row => (error === undefined ? row : { ...row, verdict: 'succeeded', output: {} });

const skipRow = ({ output: _, error: __, ...row }: Row): Row => ({ ...row, verdict: 'skipped', reason: 'time limit' });

const renameError = (row: Row): Row => (row['error'] === undefined ? row : { ...row, error: { ...(row['error'] as Row), name: 'TimeoutError' } });

/** Everything that names the first item is made consistent but the uploaded manifest. */
function callItemInvalid(run: StoredRun): void {
  const duplicates = readRows(run, 'results/duplicates.ndjson.gz');
  forgeSideFile(run, 'results/duplicates.ndjson.gz', () => duplicates.slice(1));
  forgeSideFile(run, 'invalid.ndjson.gz', (rows) => [...rows, { line: duplicates[0]!['line'], row: '', reason: 'because' }]);
  editManifest(run, ({ totals, counts }) => {
    totals['items']!--;
    totals['invalid']!++;
    totals['duplicates']!--;
    counts['total']!--;
    counts['skipped']!--;
  });
}

function forgeEverywhere(run: StoredRun, from: string, to: string): void {
  editPlanFile(run, FIRST_SHARD, (text) => text.replaceAll(from, to));
  for (const { path } of readManifest(run).files) {
    if (!PART.test(path) || !gunzipSync(run.results.bytesOf(prefixOf(run) + path)).includes(from)) continue;
    forgePart(run, path, (rows) => JSON.parse(JSON.stringify(rows).replaceAll(from, to)) as Row[]);
  }
}
