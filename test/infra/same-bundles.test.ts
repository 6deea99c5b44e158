import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, inject, it } from 'vitest';
import { STACK_NAME } from '../../cdk/assemble.ts';
import { synthesise } from '../../cdk/synthesise.ts';
import { LOCAL_PARAMETERS } from '../../localstack/deployment.ts';
import { startStack } from '../../localstack/embedded/stack.ts';
import { assembleShort } from '../support/faults/short-timings.ts';
import { PROJECT_FOLDER, readTemplate, resourcesOf } from '../support/synthesised-stack.ts';

/** Path and SHA-256 of each file. */
const hashFolder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${join(parentPath, name).slice(folder.length)} ${createHash('sha256').update(readFileSync(join(parentPath, name))).digest('hex')}`)
    .sort();

/** What `cdk deploy` uploads for each function of a fresh synthesis. */
function deployedBundles(): Record<string, string[]> {
  const functions = resourcesOf(readTemplate(), 'AWS::Lambda::Function');
  return Object.fromEntries(
    functions.map(([id, { Properties: { Code: code } }]) => {
      const hash = (code as { S3Key: string }).S3Key.replace('.zip', '');
      return [id, hashFolder(join(inject('synthesis').assemblyFolder, `asset.${hash}`))];
    }),
  );
}

async function loadedBundles(templateFolder: string): Promise<Record<string, string[]>> {
  const stack = await startStack({ templateFolder, parameters: LOCAL_PARAMETERS, isIdle: true });
  try {
    return Object.fromEntries(stack.functions.map(({ logicalId, codeFolder }) => [logicalId, hashFolder(codeFolder)]));
  } finally {
    await stack.stop();
  }
}

it('the functions of the stack under test load the deployed bundles, byte for byte', async () => {
  const folder = resolve(PROJECT_FOLDER, 'cdk.out');
  await synthesise(folder);
  const deployed = deployedBundles();
  expect(Object.keys(deployed)).toContain('ProcessBatchWeb');
  expect(await loadedBundles(folder)).toEqual(deployed);
});

it('short time-outs change the template and no byte of a bundle', async () => {
  const short = await assembleShort();
  try {
    expect(readFileSync(join(short.folder, `${STACK_NAME}.template.json`), 'utf8')).not.toBe(readFileSync(inject('synthesis').templatePath, 'utf8'));
    expect(await loadedBundles(short.folder)).toEqual(deployedBundles());
  } finally {
    short.remove();
  }
});
