import type { z } from 'zod';
import { ManifestRefusedError } from './errors.ts';
import { describeOptionFaults, splitOptions } from './manifest/common-options.ts';
import { isRunId, isTenantId, runIdOf } from './names.ts';
import { isOptionsKey, MAX_OPTIONS_BYTES, OPTIONS_METADATA, OPTIONS_VERSION_METADATA, optionsKey } from './options-file.ts';
import { describeRefusal, isRefusalKey, refusalKey } from './refusal.ts';
import type { Executions, ObjectHead, ObjectStore, RunLedger } from './ports.ts';
import type { RunRecord } from './records.ts';
import type { JsonObject, ManifestSource } from './rows.ts';

/** An upload, as its event tells it. `uploadedAt` is ISO 8601 UTC and the same in every delivery of the event. */
export interface Upload {
  readonly source: ManifestSource;
  readonly uploadedAt: string;
}

/** What admission asks of a processor. */
export interface AdmittedProcessor {
  readonly name: string;
  readonly workerClass: string;
  readonly optionsSchema: z.ZodType<JsonObject>;
  /** In credits. @default 0 */
  readonly creditsPerItem?: number;
}

export interface AdmitPorts {
  readonly ledger: RunLedger;
  readonly manifests: ObjectStore;
  readonly executions: Executions;
  readonly processors: readonly AdmittedProcessor[];
}

export type Admission =
  | { readonly kind: 'started'; readonly run: string }
  | { readonly kind: 'refused'; readonly run: string; readonly reason: string }
  /** Not a manifest: what Spillway itself wrote beside one. */
  | { readonly kind: 'ignored' };

/** Makes the run of an upload and starts it. The same upload twice is the same run, and a half-made admission is finished. */
export async function admitRun({ source, uploadedAt }: Upload, ports: AdmitPorts): Promise<Admission> {
  if (isRefusalKey(source.key) || isOptionsKey(source.key)) return { kind: 'ignored' };
  const run = runIdOf(source);
  const seen = await ports.ledger.readRun(run);
  if (seen?.state === 'failed') return { kind: 'refused', run, reason: seen.error ?? 'failed' };
  if (seen?.started) return { kind: 'started', run };
  try {
    const record = await ports.ledger.admit(await describeRun(run, { source, uploadedAt }, ports), { v: 1, run, source, uploadedAt });
    const current = await ports.ledger.readRun(run);
    // Another delivery of the event was refused meanwhile.
    if (current?.state === 'failed') return { kind: 'refused', run, reason: current.error ?? 'failed' };
    await startExecution(record, ports);
    return { kind: 'started', run };
  } catch (error) {
    if (!(error instanceof ManifestRefusedError)) throw error;
    return refuse(run, { source, uploadedAt }, error.message, ports);
  }
}

/** Starts the execution that the record names, then says so in the record: whoever comes in between starts the same one again. */
export async function startExecution({ run, execution }: RunRecord, { ledger, executions }: Pick<AdmitPorts, 'ledger' | 'executions'>): Promise<void> {
  await executions.start(execution, { v: 1, run });
  await ledger.markStarted(run, execution);
}

async function refuse(run: string, { source, uploadedAt }: Upload, reason: string, ports: AdmitPorts): Promise<Admission> {
  const { ledger, manifests } = ports;
  const [tenant = ''] = source.key.split('/');
  const refused: RunRecord = {
    ...newRecord(run, { source, uploadedAt }),
    tenant,
    processor: '',
    workerClass: '',
    options: {},
    state: 'failed',
    finishedAt: uploadedAt,
    error: reason,
  };
  await manifests.write(refusalKey(source.key), describeRefusal(run, reason), 'application/json');
  await ledger.recordRefusal(refused);
  // Another delivery of the event may have admitted it before. It stays on OPEN then: the sweep ends what that one began.
  await ledger.markEnded(run, { state: 'failed', finishedAt: uploadedAt, error: reason });
  return { kind: 'refused', run, reason };
}

const newRecord = (run: string, { source, uploadedAt }: Upload) => ({ v: 1, run, source, createdAt: uploadedAt, execution: run, attempt: 0 }) as const;

/** @throws ManifestRefusedError when key, metadata or options don't say clearly what is to be done */
async function describeRun(run: string, upload: Upload, { ledger, manifests, processors }: AdmitPorts): Promise<RunRecord> {
  const { source } = upload;
  const head = await manifests.head(source.key, source.version);
  if (!head) throw new ManifestRefusedError(`expected version ${source.version} of ${source.key}, it is gone`);
  const { tenant, processorName } = readKey(source.key, head.metadata['spillway-processor']);
  const processor = processors.find(({ name }) => name === processorName);
  if (!processor) {
    const known = processors.map(({ name }) => name).join(', ');
    throw new ManifestRefusedError(`expected one of the processors ${known}, the manifest asks for ${JSON.stringify(processorName)}`);
  }
  const options = readOptions(await findOptions(source.key, head, manifests), processor);
  const redriveOf = await readRedriveOf(head.metadata['spillway-redrive-of'], tenant, ledger);
  return {
    ...newRecord(run, upload),
    tenant,
    processor: processor.name,
    workerClass: processor.workerClass,
    options,
    state: 'open',
    ...(redriveOf !== undefined && { redriveOf }),
    ...(processor.creditsPerItem && { credits: { perItem: processor.creditsPerItem } }),
  };
}

/** The link is the tenant's to make between runs of its own. Another tenant's run and none at all get the same answer: it tells nothing of others. */
async function readRedriveOf(text: string | undefined, tenant: string, { readRun }: Pick<RunLedger, 'readRun'>): Promise<string | undefined> {
  if (text === undefined) return undefined;
  const old = isRunId(text) ? await readRun(text) : undefined;
  if (old?.tenant === tenant) return old.run;
  throw new ManifestRefusedError(`expected the metadata spillway-redrive-of to be the id of a run of tenant ${tenant}, got ${JSON.stringify(text)}: \`spillway redrive\` sets it`);
}

/** The processor for `<tenant>/<name>` without metadata. */
const DEFAULT_PROCESSOR = 'llms-txt';

/** `<tenant>/<processor>/<name>` or `<tenant>/<name>`; metadata speaks before the key. */
function readKey(key: string, fromMetadata: string | undefined): { tenant: string; processorName: string } {
  const [tenant = '', ...rest] = key.split('/');
  if (!isTenantId(tenant) || rest.length === 0) {
    throw new ManifestRefusedError(
      `expected a key such as "<tenant>/<processor>/<name>" with a tenant of lower-case letters, digits and hyphens, got ${JSON.stringify(key)}`,
    );
  }
  const fromKey = rest.length > 1 ? rest[0] : undefined;
  return { tenant, processorName: fromMetadata ?? fromKey ?? DEFAULT_PROCESSOR };
}

/** From the metadata, or from the version of the file beside the manifest that the metadata names. */
async function findOptions(key: string, { metadata }: ObjectHead, manifests: ObjectStore): Promise<string | undefined> {
  const version = metadata[OPTIONS_VERSION_METADATA];
  if (version === undefined) return metadata[OPTIONS_METADATA];
  const file = await manifests.open(optionsKey(key), version);
  if (!file) throw new ManifestRefusedError(`expected version ${version} of ${optionsKey(key)}, as the metadata ${OPTIONS_VERSION_METADATA} says, it is gone`);
  if (file.bytes > MAX_OPTIONS_BYTES) throw new ManifestRefusedError(`expected options of at most ${MAX_OPTIONS_BYTES} bytes, got ${file.bytes} in ${optionsKey(key)}`);
  return Buffer.concat(await Array.fromAsync(file.body)).toString('utf8');
}

/** The run's options with every default filled in. */
function readOptions(text: string | undefined, processor: AdmittedProcessor): JsonObject {
  const { common, own } = splitOptions(text === undefined ? {} : parseOptions(text));
  const parsed = processor.optionsSchema.safeParse(own);
  if (!parsed.success) throw new ManifestRefusedError(describeOptionFaults(parsed.error));
  return { ...parsed.data, ...common };
}

const MAX_SHOWN_CHARACTERS = 500;

function parseOptions(text: string): JsonObject {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below, with what came.
  }
  throw new ManifestRefusedError(`expected the metadata spillway-options to be a JSON object, got ${JSON.stringify(text.slice(0, MAX_SHOWN_CHARACTERS))}`);
}
