import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { HANDLER_NAMES, THREADS } from '../../cdk/bundle-handlers.ts';
import { hashInputs, synthesise } from '../../cdk/synthesise.ts';
import { PROJECT_FOLDER, readTemplate, resourcesOf } from '../support/synthesised-stack.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'spillway-synthesis-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A project with the real state machine; functions, threads and a page of one line. */
function makeSourceRoot(name: string): string {
  const root = join(scratch, name);
  for (const handler of HANDLER_NAMES) {
    mkdirSync(join(root, 'lambdas', handler), { recursive: true });
    writeFileSync(join(root, 'lambdas', handler, 'handler.ts'), `export const handler = async (): Promise<string> => '${handler}';\n`);
  }
  for (const thread of Object.values(THREADS)) {
    mkdirSync(dirname(join(root, thread)), { recursive: true });
    writeFileSync(join(root, thread), 'export {};\n');
  }
  mkdirSync(join(root, 'dashboard'));
  for (const [file, text] of [['main.ts', 'document.title = "page";'], ['docs.ts', 'document.title = "docs";'], ['main.css', 'body { margin: 0; }'], ['index.html', '<link href="dashboard/main.css"><script src="dashboard/main.js"></script>'], ['docs.html', '<script src="dashboard/docs.js"></script>']] as const) writeFileSync(join(root, 'dashboard', file), text);
  cpSync(join(PROJECT_FOLDER, 'state-machines'), join(root, 'state-machines'), { recursive: true });
  return root;
}

/** What is deployed, by path. The metadata file is for messages of the CDK CLI and names the lines of code that made a resource. */
function readAssembly(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.endsWith('.metadata.json'));
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [relative(folder, path), readFileSync(path, 'utf8')]),
  );
}

describe('synthesise', () => {
  test('writes the same bytes for the same sources, wherever they lie', async () => {
    const [one, other] = [join(scratch, 'out-1'), join(scratch, 'deeper', 'out-2')];
    mkdirSync(join(scratch, 'deeper'));
    await synthesise(one, { sourceRoot: makeSourceRoot('root-1') });
    await synthesise(other, { sourceRoot: makeSourceRoot('root-two') });
    expect(readAssembly(one)).toEqual(readAssembly(other));
  });

  test('does nothing when nothing has changed, and everything when a source has', async () => {
    const sourceRoot = makeSourceRoot('cached');
    const out = join(scratch, 'cached-out');
    expect(await synthesise(out, { sourceRoot })).toEqual({ isNew: true });
    expect(await synthesise(out, { sourceRoot })).toEqual({ isNew: false });
    writeFileSync(join(sourceRoot, 'lambdas', 'admit-run', 'handler.ts'), `export const handler = async (): Promise<string> => 'changed';\n`);
    const before = readAssembly(out);
    expect(await synthesise(out, { sourceRoot })).toEqual({ isNew: true });
    expect(readAssembly(out)).not.toEqual(before);
    expect(Object.values(readAssembly(out)).some((content) => content.includes('changed'))).toBe(true);
  });

  test('leaves no file of the assembly before', async () => {
    const sourceRoot = makeSourceRoot('clean');
    const out = join(scratch, 'clean-out');
    mkdirSync(out);
    writeFileSync(join(out, 'left-over'), '');
    await synthesise(out, { sourceRoot });
    expect(existsSync(join(out, 'left-over'))).toBe(false);
  });

  test('names every handler that is missing and leaves the assembly before as it is', async () => {
    const sourceRoot = makeSourceRoot('missing');
    const out = join(scratch, 'missing-out');
    mkdirSync(out);
    writeFileSync(join(out, 'before'), '');
    rmSync(join(sourceRoot, 'lambdas', 'plan-run'), { recursive: true });
    await expect(synthesise(out, { sourceRoot })).rejects.toThrow(/do not exist: lambdas\/plan-run\/handler\.ts$/);
    expect(readdirSync(out)).toEqual(['before']);
    expect(readdirSync(scratch).filter((name) => name.startsWith('.missing-out'))).toEqual([]);
  });

  test.each([
    ['content', (root: string) => writeFileSync(join(root, 'lambdas', 'serve-api', 'handler.ts'), '')],
    ['a new file', (root: string) => writeFileSync(join(root, 'lambdas', 'new.ts'), '')],
    ['the lock file', (root: string) => writeFileSync(join(root, 'package-lock.json'), '{}')],
  ])('sees a change of %s in its inputs', (what, change) => {
    const root = makeSourceRoot(`hash-${what}`);
    const before = hashInputs(root);
    expect(hashInputs(root)).toBe(before);
    change(root);
    expect(hashInputs(root)).not.toBe(before);
  });
});

describe('the deployed bundles', () => {
  const { assemblyFolder, bundled } = inject('synthesis');
  const functions = resourcesOf(readTemplate(), 'AWS::Lambda::Function');
  const bundles = Object.fromEntries(
    functions.map(([id, { Properties }]) => {
      const { S3Key } = Properties['Code'] as { S3Key: string };
      return [id, readFileSync(join(assemblyFolder, `asset.${S3Key.replace('.zip', '')}`, 'index.mjs'), 'utf8')];
    }),
  );

  test("import nothing but Node's own modules", () => {
    const own = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)]);
    for (const [id, code] of Object.entries(bundles)) {
      const imported = [...code.matchAll(/^import\s*(?:[\w*{}$,\s]+from\s*)?"([^"]+)"/gm)].map(([, name]) => name!);
      expect(imported.filter((name) => !own.has(name)), id).toEqual([]);
    }
  });

  test('hold no path of the machine that made them', () => {
    for (const [id, code] of Object.entries(bundles)) expect(code.includes(PROJECT_FOLDER), id).toBe(false);
  });

  test('contain no package that is there for development alone', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
    const forbidden = Object.keys(devDependencies).filter((name) => bundled.some((path) => path.startsWith(`node_modules/${name}/`)));
    expect(forbidden).toEqual([]);
    expect(bundled.filter((path) => /^(?:test|localstack|cli|cdk|bench)\//.test(path))).toEqual([]);
  });

  test('get every variable that their handlers read', () => {
    for (const [id, { Properties }] of functions) {
      const { Variables } = Properties['Environment'] as { Variables: Record<string, unknown> };
      const source = readFileSync(join(PROJECT_FOLDER, 'lambdas', Variables['POWERTOOLS_SERVICE_NAME'] as string, 'handler.ts'), 'utf8');
      const [, list = ''] = /readConfiguration\(process\.env, \[([^\]]*)\]/.exec(source) ?? [];
      const read = [...list.matchAll(/'(\w+)'/g)].map(([, name]) => name!);
      expect(read.length, id).toBeGreaterThan(0);
      expect(read.filter((name) => !(name in Variables)), id).toEqual([]);
    }
  });
});
