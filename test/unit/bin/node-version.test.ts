import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test.each(['24.0.0', '22.19.0', '22.20.1', '100.0.0'])('Node.js %s is fit', (version) => {
  expect(preflightOn({ version })).toEqual({ status: 0, stderr: '' });
});

test.each(['12.22.12', '20.20.2', '22.18.9', '22.9.0'])('Node.js %s is refused with one sentence that says what to do', (version) => {
  const { status, stderr } = preflightOn({ version });
  expect(status).toBe(2);
  expect(stderr).toMatch(new RegExp(`^Spillway needs Node\\.js 22\\.19\\.0 or newer, but this is Node\\.js ${version.replaceAll('.', '\\.')}: run .npm ci.[^\\n]*\\n$`));
});

test('a Node.js that was built without TypeScript is refused, however new', () => {
  const { status, stderr } = preflightOn({ version: '24.21.0', typescript: false });
  expect(status).toBe(2);
  expect(stderr).toContain('does not run TypeScript');
});

test('a fit Node.js runs the CLI in its own process', () => {
  const { stdout, status } = spillwayOn({ version: process.versions.node }, ['watch', '--json']);
  expect(JSON.parse(stdout)).toEqual({ node: process.versions.node, arguments: ['watch', '--json'] });
  expect(status).toBe(7);
});

test('an unfit Node.js hands over to the one of the platform package, with arguments and exit code', () => {
  const { stdout, status } = spillwayOn({ version: '20.20.2', hasPlatformPackage: true }, ['watch', '--json']);
  expect(JSON.parse(stdout)).toEqual({ node: process.versions.node, arguments: ['watch', '--json'] });
  expect(status).toBe(7);
});

test('an unfit Node.js without the platform package is refused with the sentence', () => {
  const { stdout, stderr, status } = spillwayOn({ version: '20.20.2' }, ['watch']);
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
  expect(stderr).toMatch(/^Spillway needs Node\.js [^\n]*\n$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('without a terminal %s reaches the CLI in the other Node.js exactly once', async (signal) => {
  const machine: Machine = { version: '20.20.2', hasPlatformPackage: true };
  const child = spawn(process.execPath, ['--import', disguise(machine), join(installation(DRAINING_CLI, machine), 'bin/spillway.js')], { stdio: 'pipe' });
  expect(String(await once(child.stdout, 'data'))).toBe('ready\n');
  child.kill(signal);
  expect(String(await once(child.stdout, 'data'))).toBe(`${signal}\n`);
  const closed = once(child, 'close');
  child.stdin.end();
  expect(await closed).toEqual([0, null]);
});

interface Machine {
  readonly version: string;
  readonly typescript?: boolean;
  readonly hasPlatformPackage?: boolean;
}

/** Runs before anything else and makes this Node.js look like another. */
function disguise({ version, typescript = true }: Machine): string {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
  const features = `Object.defineProperty(process.features, 'typescript', { value: ${typescript ? "'strip'" : 'false'} });`;
  return `data:text/javascript,${encodeURIComponent(versions + features)}`;
}

function preflightOn(machine: Machine): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, ['--import', disguise(machine), join(ROOT, 'bin/preflight.js')], { encoding: 'utf8' });
  return { status, stderr };
}

/** Tells where it runs and ends with 7. */
const TELLING_CLI = `const argv: string[] = process.argv.slice(2);
console.log(JSON.stringify({ node: process.versions.node, arguments: argv }));
process.exitCode = 7;`;

/** Says that it is ready, counts signals until the input ends, and ends with 0. */
const DRAINING_CLI = `const seen: string[] = [];
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => { seen.push(name); console.log(seen.join()); });
process.stdin.on('end', () => process.exit(0)).resume();
console.log('ready');`;

function spillwayOn(machine: Machine, words: readonly string[]) {
  const folder = installation(TELLING_CLI, machine);
  return spawnSync(process.execPath, ['--import', disguise(machine), join(folder, 'bin/spillway.js'), ...words], { encoding: 'utf8' });
}

/** A folder with our `bin` and this CLI beside it. */
function installation(cli: string, { hasPlatformPackage = false }: Machine): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bin-'));
  folders.push(folder);
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'cli'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'cli/main.ts'), cli);
  if (hasPlatformPackage) writePlatformPackages(folder);
  return folder;
}

/** Every platform's package, each with the Node.js that runs this test. */
function writePlatformPackages(folder: string): void {
  const { optionalDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { optionalDependencies: Record<string, string> };
  for (const name of Object.keys(optionalDependencies)) {
    const bin = join(folder, 'node_modules', name, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, '../package.json'), JSON.stringify({ name }));
    symlinkSync(process.execPath, join(bin, process.platform === 'win32' ? 'node.exe' : 'node'));
  }
}
