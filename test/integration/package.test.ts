import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startExampleSite } from '../../examples/site/serve-site.ts';
import { VERSION } from '../../shared/version.ts';
import { readTargetName } from '../support/targets/target.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
/** Not of the sources. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'build', 'cdk.out', 'dist', '.spillway', 'spillway-results', 'test', 'bench']);

const TIMEOUT_MS = 120_000;

describe.skipIf(readTargetName(process.env) !== 'embedded')('the npm package, in an empty folder (skipped on LocalStack: it brings its own stack)', () => {
  let folder: string;
  let tarball: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'spillway-package-'));
    // What npm downloaded before is taken from the user's cache; what npx installs is new, and goes with the test.
    const downloads = join(process.env['npm_config_cache'] ?? join(homedir(), '.npm'), '_cacache');
    await mkdir(join(folder, 'cache'));
    if (existsSync(downloads)) await symlink(downloads, join(folder, 'cache/_cacache'), 'junction');
    // Packing writes `dist`: not into the checkout, where another test may run.
    const sources = join(folder, 'sources');
    await cp(PROJECT, sources, { recursive: true, filter: (path) => !LEFT_OUT.has(basename(path)) || resolve(path, '..') !== PROJECT });
    await symlink(join(PROJECT, 'node_modules'), join(sources, 'node_modules'), 'junction');
    const { code, notes } = await run(sources, 'npm', 'pack', '--silent', '--pack-destination', folder);
    if (code !== 0) throw new Error(`expected a package: ${notes}`);
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
    await mkdir(join(folder, 'empty'));

  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What npx installs lies in a cache of its own, too. */
  async function run(cwd: string, command: string, ...words: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly notes: string }> {
    const child = spawn(command, words, { cwd, env: { ...process.env, npm_config_cache: join(folder, 'cache') }, timeout: TIMEOUT_MS, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, notes] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (notes += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, notes };
  }
  const spillway = (...words: string[]) => run(join(folder, 'empty'), 'npx', '--yes', `file:${tarball}`, ...words);

  it('runs a site to its results', async () => {
    const site = await startExampleSite({ withFaults: false });
    try {
      const { code, out, notes } = await spillway('run', site.url, '--allow-network', '127.0.0.0/8', '--host-rate', '100', '--json');
      expect({ code, notes: notes.includes('built the template') }).toEqual({ code: 0, notes: false });
      expect(JSON.parse(out)).toMatchObject({ state: 'finished', counts: { succeeded: site.pages, failed: 0 } });
    } finally {
      await site.stop();
    }
    const [results] = readdirSync(join(folder, 'empty/spillway-results'));
    const [host] = readdirSync(join(folder, 'empty/spillway-results', results!, 'sites'));
    expect(readFileSync(join(folder, 'empty/spillway-results', results!, 'sites', host!, 'llms.txt'), 'utf8')).toMatch(/^# /);
    expect(await spillway('verify')).toMatchObject({ code: 0 });
  });

  it('knows its version and its commands, and looks at its machine', async () => {
    expect(await spillway('--version')).toMatchObject({ code: 0, out: `${VERSION}\n` });
    expect(VERSION).toBe((JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }).version);
    expect(await spillway('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Usage: spillway') });
    expect((await spillway('doctor')).out).toContain('Node.js');
    expect(await spillway('init', 'processor', 'mine')).toMatchObject({ code: 2, notes: expect.stringContaining('expected a checkout of Spillway') });
  });

  it('brings what is deployed, and no CDK', () => {
    const [installed] = readdirSync(join(folder, 'cache/_npx'));
    const modules = join(folder, 'cache/_npx', installed!, 'node_modules');
    for (const name of ['aws-cdk-lib', 'aws-cdk', 'constructs', 'esbuild', 'typescript']) expect(existsSync(join(modules, name)), name).toBe(false);
    const assembly = join(modules, 'spillway/dist/cdk.out');
    const { files } = JSON.parse(readFileSync(join(assembly, 'Spillway.assets.json'), 'utf8')) as { files: Record<string, { source: { path: string } }> };
    // All of them lie in the folder: `cdk deploy --app node_modules/spillway/dist/cdk.out`.
    for (const { source } of Object.values(files)) expect(existsSync(join(assembly, source.path)), source.path).toBe(true);
    expect(Object.keys(files).length).toBeGreaterThan(10);
    for (const name of ['manifest.json', 'Spillway.assets.json', 'Spillway.template.json']) expect(readFileSync(join(assembly, name), 'utf8'), name).not.toContain(folder);
    expect(existsSync(join(modules, 'spillway/dist/client/spillway-client.d.ts'))).toBe(true);
  });
});
