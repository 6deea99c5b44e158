import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

const PROJECT_FOLDER = resolve(import.meta.dirname, '..');

/** All that a template and its bundles are made from; the lock file stands for every package. */
const INPUTS = ['cdk', 'dashboard', 'lambdas', 'processors', 'shared', 'state-machines', 'cdk.json', 'package-lock.json'];

/** Written last: a folder without it is not whole. */
const STAMP_FILE = 'inputs.sha256';

export interface SynthesiseOptions {
  /** Where `lambdas/`, `state-machines/` and the other sources lie. @default this project */
  readonly sourceRoot?: string;
}

/**
 * Writes the cloud assembly (`Spillway.template.json` and `asset.<hash>` folders) into `outFolder`, unless the one there was made from the same inputs.
 * The folder is replaced as a whole: a stopped synthesis leaves the old one.
 * @returns whether it was written anew
 * @throws ConfigurationError when a handler is missing
 */
export async function synthesise(outFolder: string, { sourceRoot = PROJECT_FOLDER }: SynthesiseOptions = {}): Promise<{ isNew: boolean }> {
  const target = resolve(outFolder);
  const stamp = hashInputs(sourceRoot);
  if (readStamp(target) === stamp) return { isNew: false };
  // The CDK is loaded only when it is needed: that takes half a second.
  const { assemble } = await import('./assemble.ts');
  const draft = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
  try {
    await assemble(draft, { sourceRoot });
    writeFileSync(join(draft, STAMP_FILE), stamp);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return { isNew: true };
}

/** Lower-case hex SHA-256 over the path and content of every input. */
export function hashInputs(sourceRoot: string): string {
  const hash = createHash('sha256');
  for (const path of INPUTS.flatMap((input) => listFiles(sourceRoot, input))) {
    const content = readFileSync(join(sourceRoot, path));
    hash.update(`${path}\0${content.byteLength}\0`).update(content);
  }
  return hash.digest('hex');
}

/** Sorted, so that the hash does not follow the order of a file system. */
function listFiles(root: string, input: string): string[] {
  const path = join(root, input);
  if (!existsSync(path)) return [];
  const entries = readdirSync(dirname(path), { withFileTypes: true });
  if (entries.find((entry) => entry.name === basename(path))?.isFile()) return [input];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

const readStamp = (folder: string): string | undefined => {
  const path = join(folder, STAMP_FILE);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
};
