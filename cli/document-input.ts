import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { UsageError } from '../shared/errors.ts';
import { mapConcurrently } from '../shared/map-concurrently.ts';
import type { ObjectStore } from '../shared/ports.ts';
import { uploadKeyFault } from '../shared/uploads.ts';
import { isManifestName, type ManifestInput } from './manifest-input.ts';
import type { CommandContext } from './settings.ts';

/** Files on this machine that are the items of a run. */
export interface LocalDocuments {
  /** What the person gave. */
  readonly from: string;
  readonly folder: string;
  /** Below the folder, with `/`; in order. */
  readonly paths: readonly string[];
}

const UPLOADS_AT_ONCE = 8;
const SAY_EVERY_MS = 1000;
const ID_CHARACTERS = 20;

/**
 * A folder is all files in it and below, but those whose names begin with a dot; a file is itself.
 * @returns undefined if it is a manifest, or an address
 * @throws UsageError if there is nothing
 */
export async function findDocuments(given: string): Promise<LocalDocuments | undefined> {
  if (/^https?:\/\//i.test(given)) return undefined;
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new UsageError(`expected a folder of files, a file, a manifest or a URL, but there is nothing at ${given}`);
  if (!found.isDirectory()) return isManifestName(given) ? undefined : { from: given, folder: dirname(given), paths: [basename(given)] };
  const entries = await readdir(given, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => relative(given, join(entry.parentPath, entry.name)).split(sep).join('/'));
  const visible = paths.filter((path) => !path.split('/').some((part) => part.startsWith('.'))).toSorted();
  if (visible.length === 0) throw new UsageError(`expected files in ${given}, found none`);
  return { from: given, folder: given, paths: visible };
}

/** Stores them below a prefix that follows from the folder's place, so that the same folder again takes no more room. @returns the manifest that names them; undefined after Ctrl-C */
export async function uploadDocuments({ from, folder, paths }: LocalDocuments, uploads: ObjectStore, { tenant, terminal, signal }: CommandContext): Promise<ManifestInput | undefined> {
  const upload = `u${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, ID_CHARACTERS)}`;
  const fault = paths.map((path) => uploadKeyFault(`${upload}/${path}`)).find((each) => each !== undefined);
  if (fault !== undefined) throw new UsageError(fault);
  let done = 0;
  let saidAt = terminal.now();
  await mapConcurrently(paths, UPLOADS_AT_ONCE, async (path) => {
    if (signal.aborted) return;
    await uploads.writeStream(`${tenant}/${upload}/${path}`, createReadStream(join(folder, path)), 'application/octet-stream');
    done++;
    if (terminal.now() - saidAt < SAY_EVERY_MS && done < paths.length) return;
    saidAt = terminal.now();
    terminal.note(`uploaded ${done}/${paths.length} files`);
  });
  if (signal.aborted) return undefined;
  const rows = paths.map((path) => `${JSON.stringify({ file: `${upload}/${path}`, id: path })}\n`);
  return { name: `${upload}.jsonl`, from, open: () => Readable.from([Buffer.from(rows.join(''))]) };
}
