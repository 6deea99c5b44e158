import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { createClient, type SpillwayClient } from '../../client/spillway-client.ts';
import { processorOf } from '../../processors/registry.ts';
import { UsageError } from '../../shared/errors.ts';
import { uploadKeyFault } from '../../shared/uploads.ts';
import { findDocuments, type LocalDocuments } from '../document-input.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { resolveInputs } from '../manifest-input.ts';
import { Checkpoint } from '../remote/checkpoint.ts';
import { followRemoteRun } from '../remote/follow-remote-run.ts';
import { FormPoster } from '../remote/form-poster.ts';
import { profilesFile, readProfile } from '../remote/profile.ts';
import { MAX_FILE_BYTES, uploadFiles } from '../remote/upload-files.ts';
import type { CommandContext } from '../settings.ts';
import { readRunOptions } from '../settings.ts';
import { checkRunOptions } from './run.ts';

export interface SubmitOptions {
  readonly processor: string;
  readonly option: readonly string[];
  readonly profile: string;
  readonly filesAtOnce: string;
  /** Follows the run to its end. */
  readonly wait?: true;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ID_CHARACTERS = 32;
const MAX_FILES_AT_ONCE = 128;
/** Hidden, as no document's path is. */
const MANIFEST_PATH = '.spillway/files.jsonl';

/** Uploads a folder of documents, or a manifest, and starts its run. Given again after any interruption it goes on where it was. */
export async function submitCommand(given: string, options: SubmitOptions, environment: Environment, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const work = { processor: options.processor, options: readRunOptions(options.option) };
  checkRunOptions(work.processor, work.options);
  const filesAtOnce = readAtOnce(options.filesAtOnce);
  const source = await findSource(given, options.processor);
  const profile = await readProfile(options.profile, environment);
  const client = createClient(profile);
  const name = createHash('sha256').update(JSON.stringify([profile.url, resolve(given), work])).digest('hex').slice(0, ID_CHARACTERS);
  const file = join(dirname(profilesFile(environment)), 'uploads', `${name}.jsonl`);
  const old = await Checkpoint.read(file);
  const openForm = (upload: string | undefined) => client.createUpload({ ...(upload !== undefined && { upload }), maxFileBytes: MAX_FILE_BYTES });
  const form = await openForm(old?.upload);
  const checkpoint = old ?? (await Checkpoint.create(file, form.upload));
  const poster = new FormPoster(form, { renew: () => openForm(checkpoint.upload), fetch: globalThis.fetch, now: Date.now, sleep: (ms) => terminal.sleep(ms, signal), random: Math.random });
  if (!(await uploadFiles({ documents: source.documents, checkpoint, poster, filesAtOnce, terminal, signal }))) {
    terminal.note('stopped; the same command goes on where it was');
    return EXIT.runFailed;
  }
  if (source.kind === 'documents') await poster.post(MANIFEST_PATH, async () => new Blob([listOf(checkpoint.upload, source.documents)]));
  const manifest = source.kind === 'documents' ? MANIFEST_PATH : source.documents.paths[0]!;
  const { run } = await client.completeUpload(checkpoint.upload, { ...work, manifest });
  await checkpoint.remove();
  return tell(run, { client, options, context });
}

/** @throws UsageError */
function readAtOnce(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_FILES_AT_ONCE) return count;
  throw new UsageError(`expected --files-at-once to be an integer from 1 to ${MAX_FILES_AT_ONCE}, got ${text}`);
}

type Source = { readonly kind: 'documents' | 'manifest'; readonly documents: LocalDocuments };

/** @throws UsageError */
async function findSource(given: string, processor: string): Promise<Source> {
  const documents = processorOf(processor).takesFiles ? await findDocuments(given) : undefined;
  if (documents) {
    const fault = documents.paths.map((path) => uploadKeyFault(`u${'x'.repeat(40)}/${path}`)).find((each) => each !== undefined);
    if (fault !== undefined) throw new UsageError(fault);
    return { kind: 'documents', documents };
  }
  const inputs = await resolveInputs(given);
  const [input] = inputs;
  if (!input || inputs.length > 1 || /^https?:/i.test(given)) throw new UsageError(`expected one manifest file${processorOf(processor).takesFiles ? ' or a folder of files' : ''}, got ${given}`);
  return { kind: 'manifest', documents: { from: given, folder: dirname(input.from), paths: [basename(input.from)] } };
}

const listOf = (upload: string, { paths }: LocalDocuments): string => paths.map((path) => `${JSON.stringify({ file: `${upload}/${path}`, id: path })}\n`).join('');

async function tell(run: string, { client, options, context }: { readonly client: SpillwayClient; readonly options: SubmitOptions; readonly context: CommandContext }): Promise<ExitCode> {
  const { terminal } = context;
  const profile = `--profile ${options.profile}`;
  if (!options.wait) {
    terminal.print(terminal.isJson ? JSON.stringify({ run }) : run);
    terminal.note(`follow it: spillway watch ${run} ${profile}; its results: spillway results ${run} ${profile}`);
    return EXIT.ok;
  }
  return followRemoteRun(run, { client, profile }, context);
}
