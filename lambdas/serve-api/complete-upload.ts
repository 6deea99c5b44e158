import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { JsonObject } from '../../shared/rows.ts';
import { uploadKeyFault } from '../../shared/uploads.ts';
import type { ApiPorts } from './ports.ts';
import { Problem } from './problem.ts';
import { manifestOfRows, submitNamed, type Submitted, type SubmittedManifest } from './submit-run.ts';

export interface Completion {
  readonly tenant: string;
  readonly upload: string;
  readonly processor: string;
  readonly options: JsonObject;
  /** How many files there must be. */
  readonly files: number | undefined;
  /** The one of the files that lists the work; undefined: each file is an item. */
  readonly manifest: string | undefined;
}

/** A longer list comes as a manifest. */
export const MAX_FILES = 10_000;
/** What goes through the function in its time. */
const MAX_MANIFEST_BYTES = 100 * 1024 * 1024;

/** An upload's files below the bucket. */
export const uploadPrefix = ({ tenant, upload }: Pick<Completion, 'tenant' | 'upload'>): string => `${tenant}/${upload}/`;

/** Makes a run of what has been uploaded. The same again is the same run: files that come later are not in it. @throws Problem */
export function completeUpload(completion: Completion, ports: ApiPorts): Promise<Submitted> {
  const { tenant, upload, processor, options, manifest } = completion;
  const work = createHash('sha256').update(JSON.stringify([options, manifest])).digest('base64url').slice(0, WORK_CHARACTERS);
  const name = `${upload}-${work}${manifest === undefined ? '.jsonl' : `-${posix.basename(manifest)}`}`;
  const load = (): Promise<SubmittedManifest> => (manifest === undefined ? listFiles(completion, ports) : openManifest(completion, manifest, ports));
  return submitNamed({ tenant, processor, options }, { name, load }, ports);
}

const WORK_CHARACTERS = 16;

/** @throws Problem 409 if files are missing, 422 if there are none or too many */
async function listFiles({ tenant, upload, files }: Completion, { uploads }: ApiPorts): Promise<SubmittedManifest> {
  const prefix = uploadPrefix({ tenant, upload });
  const rows: JsonObject[] = [];
  for await (const { key } of uploads.list(prefix)) {
    const path = key.slice(prefix.length);
    rows.push({ file: `${upload}/${path}`, id: path });
    if (rows.length > MAX_FILES) throw new Problem(422, `expected at most ${MAX_FILES} files in an upload, there are more: upload a manifest that lists them, too, and name it in \`manifest\``);
  }
  if (rows.length === 0) throw new Problem(422, `expected files in the upload ${upload}, there are none`);
  if (files !== undefined && files !== rows.length) throw new Problem(409, `expected ${files} files in the upload ${upload}, there are ${rows.length}`, { retryAfterSeconds: 1 });
  return manifestOfRows(rows);
}

/** @throws Problem 422 if there is no such file, or one that is too large */
async function openManifest({ tenant, upload }: Completion, manifest: string, { uploads }: ApiPorts): Promise<SubmittedManifest> {
  const fault = uploadKeyFault(manifest);
  if (fault !== undefined) throw new Problem(422, fault);
  const key = uploadPrefix({ tenant, upload }) + manifest;
  const found = await uploads.head(key);
  if (!found) throw new Problem(422, `expected a file ${manifest} in the upload ${upload}, there is none`);
  if (found.bytes > MAX_MANIFEST_BYTES) throw new Problem(422, `expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes, ${manifest} has ${found.bytes}: store it in the manifests bucket`);
  return { identity: [upload, manifest, found.etag], body: () => readOnce(key, uploads), items: 1, ending: '' };
}

async function* readOnce(key: string, uploads: ApiPorts['uploads']): AsyncGenerator<Uint8Array> {
  const object = await uploads.open(key);
  if (object) yield* object.body;
}
