import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Processor } from '../../processors/processor.ts';
import { decideAdmission } from '../../shared/decide-admission.ts';
import { ManifestRefusedError } from '../../shared/errors.ts';
import { describeOptionFaults, splitOptions } from '../../shared/manifest/common-options.ts';
import { runIdOf } from '../../shared/names.ts';
import { ALL_TENANTS, paysCredits } from '../../shared/tenant-settings.ts';
import type { JsonObject, ManifestSource } from '../../shared/rows.ts';
import type { StoredSubmission } from '../../shared/aws/submission-table.ts';
import type { ApiPorts } from './ports.ts';
import { Problem } from './problem.ts';

export interface SubmitRequest {
  readonly tenant: string;
  readonly processor: string;
  readonly options: JsonObject;
  readonly manifest: SubmittedManifest;
  /** `Idempotency-Key`. */
  readonly key: string | undefined;
}

export interface SubmittedManifest {
  /** The same for the same work. */
  readonly identity: unknown;
  readonly body: () => AsyncIterable<Uint8Array>;
  /** Items, as far as they are known before the plan. */
  readonly items: number;
  /** What its name ends with. */
  readonly ending: string;
  /** Undefined: as its name and its bytes say. */
  readonly format?: 'jsonl';
}

/** Rows as JSON lines. */
export const manifestOfRows = (rows: readonly (string | JsonObject)[]): SubmittedManifest => ({
  identity: rows,
  body: () => Readable.from([Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))]),
  items: rows.length,
  ending: '.jsonl',
  format: 'jsonl',
});

export interface Submitted {
  readonly run: string;
  /** It was there before. */
  readonly isOld: boolean;
}

/** A request that took the name and has stored nothing after this is given up. */
const GIVEN_UP_AFTER_MS = 30_000;

/** Stores the items as a manifest and admits its run. The same key again is the same run, whatever crashed in between. @throws Problem */
export async function submitRun(request: SubmitRequest, ports: ApiPorts): Promise<Submitted> {
  const processor = findChecked(request, ports);
  const name = request.key === undefined ? ports.newId() : hashOf(request.key);
  const place = placeOf(request, processor, name + request.manifest.ending);
  if (request.key === undefined) {
    await checkRoom(request, processor, ports);
    return { run: await store(place, request, ports), isOld: false };
  }
  return submitOnce(place, { request, processor }, ports);
}

/**
 * Work whose name follows from what it is: the same again is the same run, for as long as its manifest is there.
 * @param name below the tenant's and the processor's own
 * @param load not called if the run is there
 */
export async function submitNamed(request: Omit<SubmitRequest, 'manifest' | 'key'>, { name, load }: { readonly name: string; readonly load: () => Promise<SubmittedManifest> }, ports: ApiPorts): Promise<Submitted> {
  const processor = findChecked(request, ports);
  const place = placeOf(request, processor, name);
  if (await ports.manifests.head(place)) return { run: await adopt(place, ports), isOld: true };
  return submitOnce(place, { request: { ...request, manifest: await load(), key: undefined }, processor }, ports);
}

const placeOf = ({ tenant }: Pick<SubmitRequest, 'tenant'>, processor: Processor, name: string): string => `${tenant}/${processor.name}/api/${name}`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** @throws Problem 400 */
function findChecked({ processor: name, options }: Pick<SubmitRequest, 'processor' | 'options'>, { findProcessor }: ApiPorts): Processor {
  const processor = findProcessor(name);
  if (!processor) throw new Problem(400, `there is no processor ${name}`, { errors: [{ in: 'body', pointer: '/processor', detail: 'there is no such processor' }] });
  checkOptions(processor, options);
  return processor;
}

async function submitOnce(place: string, { request, processor }: { readonly request: SubmitRequest; readonly processor: Processor }, ports: ApiPorts): Promise<Submitted> {
  const { submissions, clock } = ports;
  const fingerprint = hashOf(JSON.stringify([request.processor, request.options, request.manifest.identity]));
  const { isMine, submission } = await submissions.take(place, { fingerprint, takenAt: clock() });
  if (submission.fingerprint !== fingerprint) throw new Problem(422, 'expected the request that this Idempotency-Key was first sent with, got another one: take a new key');
  if (submission.run !== undefined) return { run: submission.run, isOld: true };
  if (!isMine && !(await takeOver(place, submission, ports))) throw new Problem(409, 'another request with this Idempotency-Key is under way', { retryAfterSeconds: 1 });
  // Whoever held it may have stored the manifest before it died: that one is the run.
  const stored = isMine ? undefined : await ports.manifests.head(place);
  const run = stored ? await adopt(place, ports) : await (async () => (await checkRoom(request, processor, ports), store(place, request, ports)))();
  await submissions.settle(place, run);
  return { run, isOld: !isMine };
}

const takeOver = async (place: string, seen: StoredSubmission, { submissions, clock }: ApiPorts): Promise<boolean> => clock() - seen.takenAt > GIVEN_UP_AFTER_MS && submissions.takeOver(place, seen, clock());

async function store(key: string, { processor, options, manifest: { body, format } }: SubmitRequest, ports: ApiPorts): Promise<string> {
  const metadata = { 'spillway-processor': processor, 'spillway-options': JSON.stringify({ ...options, ...(format && { format }) }) };
  const source = await ports.upload({ key, body: body(), metadata });
  return admitManifest(source, ports);
}

async function adopt(key: string, ports: ApiPorts): Promise<string> {
  const source = await sourceAt(key, ports);
  if (!source) throw new Problem(409, 'the manifest of this Idempotency-Key is being stored', { retryAfterSeconds: 1 });
  return admitManifest(source, ports);
}

/** The latest version of a manifest. */
async function sourceAt(key: string, { manifests }: ApiPorts): Promise<ManifestSource | undefined> {
  const head = await manifests.head(key);
  return head?.version ? { bucket: manifests.bucket, key, version: head.version, bytes: head.bytes, etag: head.etag } : undefined;
}

/** The run of a manifest that lies in its bucket: most often its upload's event has made it already. @throws Problem 422 if there is no such manifest of the tenant */
export async function adoptManifest(key: string, tenant: string, ports: ApiPorts): Promise<Submitted> {
  const source = key.startsWith(`${tenant}/`) ? await sourceAt(key, ports) : undefined;
  if (!source) throw new Problem(422, `expected the key of a manifest below ${tenant}/, got ${key}`);
  const known = await ports.ledger.readRun(runIdOf(source));
  return { run: await admitManifest(source, ports), isOld: known !== undefined };
}

/** At once, so that the run is there when its id is answered; the upload's event admits it once more. */
export async function admitManifest(source: Parameters<ApiPorts['admit']>[0]['source'], ports: ApiPorts): Promise<string> {
  const run = runIdOf(source);
  const admission = await ports.admit({ source, uploadedAt: new Date(ports.clock()).toISOString() });
  if (admission.kind === 'refused') throw new Problem(400, admission.reason);
  return run;
}

/** @throws Problem 400 with every fault */
export function checkOptions(processor: Processor, options: JsonObject): void {
  try {
    const { own } = splitOptions(options);
    const parsed = processor.optionsSchema.safeParse(own);
    if (parsed.success) return;
    throw new Problem(400, describeOptionFaults(parsed.error), { errors: parsed.error.issues.map(({ path, message }) => ({ in: 'body', pointer: ['options', ...path].map((part) => `/${String(part)}`).join(''), detail: message })) });
  } catch (error) {
    if (error instanceof ManifestRefusedError) throw new Problem(400, error.message, { errors: [{ in: 'body', pointer: '/options', detail: error.message }] });
    throw error;
  }
}

/** Before anything is stored; the plan reserves, and may come to another answer. @throws Problem 429 */
async function checkRoom({ tenant, manifest: { items }, options }: SubmitRequest, processor: Processor, { tenants, accounts, room, limitPerSecond: readLimit }: ApiPorts): Promise<void> {
  const { name, creditsPerItem = 0, maxWaitingItems } = processor;
  const [limitPerSecond, settings, all, account, waiting] = await Promise.all([readLimit(processor, options), tenants.readSettings(tenant), tenants.readSettings(ALL_TENANTS), accounts.read(tenant), room.read(tenant)]);
  const pays = paysCredits(settings, all);
  const cap = settings.maxWaitingItems ?? maxWaitingItems;
  const verdict = decideAdmission({ items, price: pays ? creditsPerItem * items : 0, balance: account?.balance ?? 0, waiting, ...(cap !== undefined && { cap }), ...(limitPerSecond !== undefined && { limitPerSecond }), onFull: settings.onFull });
  if (verdict.kind !== 'refused') return;
  const { reason, retryAfterSeconds } = verdict;
  const why = reason === 'credits' ? `expected ${creditsPerItem * items} credits, there are ${account?.balance ?? 0}` : `expected room for ${items} items of ${name}, too many wait already`;
  throw new Problem(429, `${why}; about ${retryAfterSeconds} s`, { retryAfterSeconds });
}
