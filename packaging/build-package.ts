import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { assemble } from '../cdk/assemble.ts';

/**
 * Writes `dist`: the sources as JavaScript (Node.js runs no TypeScript below `node_modules`) with their declarations, and the cloud assembly that is run here and deployed.
 * `npm pack` calls it.
 */
const PROJECT = resolve(import.meta.dirname, '..');
const DIST = join(PROJECT, 'dist');
/** They write the assembly, which is there already: the package needs no CDK. */
const LEFT_OUT = ['cdk'];

/** What `spillway run` without an input serves. */
const READ_AT_RUN_TIME = ['examples/site/content'];

rmSync(DIST, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [join(PROJECT, 'node_modules/typescript/bin/tsc'), '-p', join(PROJECT, 'packaging')], { stdio: ['ignore', 2, 2] });
if (status !== 0) throw new Error('expected the sources to compile');
for (const folder of READ_AT_RUN_TIME) cpSync(join(PROJECT, folder), join(DIST, folder), { recursive: true });
for (const name of LEFT_OUT) rmSync(join(DIST, name), { recursive: true });
await assemble(join(DIST, 'cdk.out'), { sourceRoot: PROJECT });
forgetSourcePaths(join(DIST, 'cdk.out'));

/** The metadata names the line and the folder of what made a resource: another in each checkout. */
function forgetSourcePaths(assembly: string): void {
  const file = join(assembly, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly artifacts: Record<string, { additionalMetadataFile?: string }> };
  for (const artifact of Object.values(manifest.artifacts)) {
    if (artifact.additionalMetadataFile === undefined) continue;
    rmSync(join(assembly, artifact.additionalMetadataFile));
    delete artifact.additionalMetadataFile;
  }
  writeFileSync(file, `${JSON.stringify(manifest, undefined, 2)}\n`);
}
