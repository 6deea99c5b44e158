import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableMemory } from 'node:process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

export interface Finding {
  readonly name: string;
  readonly isWell: boolean;
  /** What was found. */
  readonly found: string;
  /** What to do; only if it is not well. */
  readonly remedy?: string;
}

type Check = (dataFolder: string) => Promise<Finding>;

const MIN_NODE = [22, 19] as const;
const MIN_NPM_MAJOR = 11;
const GIB = 1024 ** 3;
const MIN_DISK_BYTES = 2 * GIB;
const MIN_MEMORY_BYTES = 1 * GIB;

const CHECKS: readonly Check[] = [checkNode, checkNpm, checkFolder, checkDisk, checkMemory, checkLoopback];

/** Looks at what a run on this machine needs, each with its remedy. */
export async function doctorCommand(dataFolder: string, terminal: Terminal): Promise<ExitCode> {
  const findings = await Promise.all(CHECKS.map((check) => check(dataFolder)));
  if (terminal.isJson) terminal.print(JSON.stringify(findings));
  else for (const line of findings.flatMap(describeFinding)) terminal.print(line);
  return findings.every(({ isWell }) => isWell) ? EXIT.ok : EXIT.wrongUse;
}

export const describeFinding = ({ name, isWell, found, remedy }: Finding): string[] => [
  `${isWell ? 'ok  ' : 'BAD '} ${name.padEnd(12)} ${found}`,
  ...(remedy === undefined ? [] : [`     ${' '.repeat(12)} ${remedy}`]),
];

export const judge = (name: string, isWell: boolean, found: string, remedy: string): Finding => ({ name, isWell, found, ...(!isWell && { remedy }) });

async function checkNode(): Promise<Finding> {
  return judgeNode(process.versions.node);
}

export function judgeNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isWell = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  return judge('Node.js', isWell, version, `install Node.js ${MIN_NODE.join('.')} or newer, or run \`npm ci\` with optional dependencies: it brings one`);
}

async function checkNpm(): Promise<Finding> {
  try {
    // On Windows npm is a script of the shell.
    const { stdout } = await promisify(execFile)('npm', ['--version'], { shell: process.platform === 'win32' });
    return judgeNpm(stdout.trim());
  } catch {
    return judge('npm', false, 'not found', 'install npm 11 or 12: it comes with Node.js');
  }
}

export const judgeNpm = (version: string): Finding =>
  judge('npm', Number(version.split('.')[0]) >= MIN_NPM_MAJOR, version, 'install npm 11 or 12: `npm install --global npm@12`');

async function checkFolder(dataFolder: string): Promise<Finding> {
  const probe = join(dataFolder, `.doctor-${process.pid}`);
  try {
    await mkdir(dataFolder, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
    return judge('data folder', true, dataFolder, '');
  } catch (error) {
    return judge('data folder', false, `${dataFolder} can't be written: ${(error as Error).message}`, 'give a folder of your own with --data');
  }
}

async function checkDisk(dataFolder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataFolder).catch(() => statfs('.'));
  const free = bavail * bsize;
  return judge('disk', free >= MIN_DISK_BYTES, `${formatGib(free)} free`, `free ${formatGib(MIN_DISK_BYTES)}, or give a folder on another disk with --data`);
}

async function checkMemory(): Promise<Finding> {
  const free = availableMemory();
  return judge('memory', free >= MIN_MEMORY_BYTES, `${formatGib(free)} free`, `close programs until ${formatGib(MIN_MEMORY_BYTES)} is free, or start fewer workers with --workers 1`);
}

const formatGib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** A free port of the loopback that this process can listen on and reach: a proxy or a sandbox may forbid either. */
async function checkLoopback(): Promise<Finding> {
  const remedy = 'allow programs to listen on and to reach 127.0.0.1, and keep it out of any proxy (NO_PROXY=127.0.0.1)';
  const server = createServer((_, response) => response.end('well'));
  try {
    await new Promise<void>((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());
    return judge('loopback', answer === 'well', `127.0.0.1:${port} answers`, remedy);
  } catch (error) {
    return judge('loopback', false, (error as Error).message, remedy);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
