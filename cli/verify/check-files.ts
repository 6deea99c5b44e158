import { EXPANDED_FILE_NAME, MANIFEST_FILE_NAME, parsePartPath } from '../../shared/names.ts';
import { planPath } from './check-plan.ts';
import { readFileFacts } from './read-file.ts';
import type { Verification } from './verification.ts';

/** Listed files that no other check read: the processor's own. */
export async function checkRemainingFiles(check: Verification): Promise<void> {
  for (const path of check.uncheckedPaths()) {
    check.compareFacts(path, await readFileFacts(check.input.results, check.prefix + path));
  }
}

export function checkFileList(check: Verification): void {
  const { files } = check.manifest;
  for (const [i, { path }] of files.entries()) {
    const before = files[i - 1]?.path;
    if (before !== undefined && before >= path) {
      check.faults.add('file-list-unsorted', MANIFEST_FILE_NAME, `expected files sorted by path, each once; ${path} follows ${before}`);
    }
  }
}

/**
 * What lies below the run's prefix without being listed. Garbage of a crash is allowed: parts that no chain reaches, plans that were not taken.
 * @returns the paths of that garbage
 */
export async function checkUnlistedFiles(check: Verification): Promise<string[]> {
  const garbage: string[] = [];
  const plan = planPath(check, '');
  const usedPlan = new RegExp(`^(?:shards/\\d{5,}\\.ndjson|[a-z]+\\.json|[a-z]+\\.ndjson(?:\\.gz)?|${EXPANDED_FILE_NAME})$`);
  for await (const { key } of check.input.results.list(check.prefix)) {
    const path = key.slice(check.prefix.length);
    if (path === MANIFEST_FILE_NAME || check.isListed(path)) continue;
    if (path.startsWith(plan) && usedPlan.test(path.slice(plan.length))) continue;
    if (path.startsWith('plan/') && !path.startsWith(plan)) garbage.push(path);
    else if (await isRealPart(check, path)) garbage.push(path);
    else check.faults.add('file-unlisted', path, 'manifest.json does not list this file, and no crash leaves such a one');
  }
  return garbage;
}

async function isRealPart(check: Verification, path: string): Promise<boolean> {
  const name = parsePartPath(path);
  if (!name) return false;
  const facts = await readFileFacts(check.input.results, check.prefix + path);
  return facts !== undefined && Buffer.from(facts.sha256, 'hex').toString('base64url') === name.part;
}
