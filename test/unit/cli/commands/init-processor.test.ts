import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initProcessorCommand, registerProcessor } from '../../../../cli/commands/init-processor.ts';
import type { Processor } from '../../../../processors/processor.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../../shared/uploads.ts';

const PROJECT = resolve(import.meta.dirname, '../../../..');
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-init-'));
  await mkdir(join(folder, 'processors'));
  await cp(join(PROJECT, 'processors'), join(folder, 'processors'), { recursive: true });
  await cp(join(PROJECT, 'shared'), join(folder, 'shared'), { recursive: true });
  await cp(join(PROJECT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('spillway init processor', () => {
  it('writes a processor that works, its test, and its line in the registry', async () => {
    const terminal = createFakeTerminal();
    expect(await initProcessorCommand('word-count', folder, terminal)).toBe(0);
    const module = (await import(pathToFileURL(join(folder, 'processors/word-count/processor.ts')).href)) as { wordCount: Processor };
    const context = { options: { minLength: 1 }, signal: new AbortController().signal, now: () => 0, fetchPage: () => Promise.reject(new Error('none')), callApi: NO_APIS_CONFIGURED, limiter: UNLIMITED_CALLS, readUpload: NO_UPLOADS };
    expect(await module.wordCount.process({ line: 1, input: { text: 'two words' } }, context)).toEqual({ verdict: 'succeeded', output: { words: 2 } });
    const registry = await readFile(join(folder, 'processors/registry.ts'), 'utf8');
    expect(registry).toContain("import { wordCount } from './word-count/processor.ts';");
    expect(/PROCESSORS[^=]*= \[([^\]]*)\];/.exec(registry)![1]).toMatch(/\bnoop,\s*wordCount\b/);
    expect(await readFile(join(folder, 'test/unit/processors/word-count.test.ts'), 'utf8')).toContain("'../../../processors/word-count/processor.ts'");
  });

  it('finds a list of one line and a list of many', () => {
    const registryOf = (list: string) => `import { a } from './a.ts';\nimport { b } from './b.ts';\n\nconst PROCESSORS: readonly P[] = ${list};\n`;
    expect(registerProcessor(registryOf('[a, b]'), 'c-d', 'cD')).toContain('= [a, b, cD];');
    expect(registerProcessor(registryOf('[\n  a,\n  b,\n]'), 'c-d', 'cD')).toContain('= [\n  a,\n  b,\n  cD,\n];');
    expect(() => registerProcessor('nothing', 'c-d', 'cD')).toThrow(/by hand/);
  });

  it('overwrites nothing', async () => {
    await initProcessorCommand('word-count', folder, createFakeTerminal());
    await expect(initProcessorCommand('word-count', folder, createFakeTerminal())).rejects.toThrow(/there is one: choose another name/);
  });

  it.each(['Word', 'a b', '../up', '9lives', 'a'.repeat(41)])('refuses the name %s', async (name) => {
    await expect(initProcessorCommand(name, folder, createFakeTerminal())).rejects.toThrow(/expected a name such as/);
  });
});
