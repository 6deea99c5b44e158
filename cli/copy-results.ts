import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BrokenObjectError } from '../shared/errors.ts';
import { mapConcurrently } from '../shared/map-concurrently.ts';
import { MANIFEST_FILE_NAME, runPrefix } from '../shared/names.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { RunManifest } from '../shared/rows.ts';

const COPIES_AT_ONCE = 8;

/** Copies manifest.json and every file that it lists into `folder`. @returns undefined if the run has no manifest.json */
export async function copyResults(results: ObjectStore, run: { tenant: string; run: string }, folder: string): Promise<RunManifest | undefined> {
  const prefix = runPrefix(run.tenant, run.run);
  if (!(await results.head(prefix + MANIFEST_FILE_NAME))) return undefined;
  const manifest = JSON.parse(Buffer.from(await results.read(prefix + MANIFEST_FILE_NAME)).toString()) as RunManifest;
  const paths = [...manifest.files.map(({ path }) => path), MANIFEST_FILE_NAME];
  await mapConcurrently(paths, COPIES_AT_ONCE, (path) => copyFile(results, prefix + path, targetOf(folder, path)));
  return manifest;
}

/** A path from a store must not lead out of the folder. @throws BrokenObjectError */
export function targetOf(folder: string, path: string): string {
  const target = resolve(folder, path);
  if (relative(folder, target).startsWith(`..${sep}`)) throw new BrokenObjectError(`expected a file below the run, got ${path}`);
  return target;
}

async function copyFile(results: ObjectStore, key: string, target: string): Promise<void> {
  const object = await results.open(key);
  if (!object) throw new BrokenObjectError(`expected the object ${key} that the run's manifest.json lists, it is not there`);
  await mkdir(dirname(target), { recursive: true });
  await pipeline(Readable.from(object.body), createWriteStream(target));
}
