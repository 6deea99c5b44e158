import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../localstack');
const compose = readFileSync(join(FOLDER, 'compose.yaml'), 'utf8');
const upScript = readFileSync(join(FOLDER, 'host/up.sh'), 'utf8');

/** What only one of the two can have: where it listens, where its files are, and how it starts functions. */
const HOST_ONLY = new Set([
  'OVERRIDE_IN_DOCKER', 'FILESYSTEM_ROOT', 'TMPDIR', 'XDG_CACHE_HOME', 'HOST_LAMBDA_DIR', 'GATEWAY_LISTEN', 'LOCALSTACK_HOST',
  'NO_PROXY', 'no_proxy', 'DNS_ADDRESS', 'LAMBDA_RUNTIME_EXECUTOR', 'HOST_LAMBDA_NODE',
]);

test('LocalStack is set the same in Docker and on the host', () => {
  expect(Object.keys(settingsOfHost()).length).toBeGreaterThan(10);
  expect(settingsOfCompose()).toEqual(settingsOfHost());
});

test('the image in compose.yaml is the release that the host installs', () => {
  const image = /image: localstack\/localstack:(?<version>\S+)/.exec(compose)?.groups?.['version'];
  const installed = /^localstack-core==(?<version>\S+)/m.exec(readFileSync(join(FOLDER, 'host/requirements.txt'), 'utf8'))?.groups?.['version'];
  expect(image).toBe('4.14.0');
  expect(installed).toBe(image);
});

test('both listen on loopback only', () => {
  expect(compose).toMatch(/^ +- "127\.0\.0\.1:\$\{LOCALSTACK_PORT:-4566\}:4566"$/m);
  expect(compose.match(/^ +ports:\n(?: +- .*\n)+/m)?.[0].trimEnd().split('\n')).toHaveLength(2);
  expect(upScript).toContain('GATEWAY_LISTEN=127.0.0.1:$port ');
});

function settingsOfCompose(): Record<string, string> {
  const block = /^ +environment:\n(?<lines>(?: {6}\w+: .*\n)+)/m.exec(compose)?.groups?.['lines'] ?? '';
  const entries = block.matchAll(/^ +(?<name>\w+): "?(?<value>[^"\n]*)"?$/gm);
  return Object.fromEntries([...entries].map(({ groups }) => [groups?.['name'] ?? '', groups?.['value'] ?? '']));
}

/** `NAME=value` and `: "${NAME:=value}"` between `set -a` and `set +a`: what goes into LocalStack's environment. */
function settingsOfHost(): Record<string, string> {
  const exported = /^set -a\n(?<lines>[\s\S]*?)^set \+a$/m.exec(upScript)?.groups?.['lines'] ?? '';
  const lines = exported.split('\n').filter((line) => !line.startsWith('#'));
  const plain = lines.filter((line) => !line.startsWith(':')).flatMap((line) => line.split(' ').map((word) => word.split('=')));
  const defaults = lines.flatMap((line) => {
    const groups = /^: "\$\{(?<name>\w+):=(?<value>[^}]*)\}"/.exec(line)?.groups;
    return groups ? [[groups['name'], groups['value']]] : [];
  });
  const entries = [...plain, ...defaults].filter(([name = '', value]) => value !== undefined && !HOST_ONLY.has(name));
  return Object.fromEntries(entries) as Record<string, string>;
}
