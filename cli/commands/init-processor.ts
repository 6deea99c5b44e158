import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../shared/errors.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const REGISTRY = 'processors/registry.ts';

/** Writes a processor that runs at once, its test, and its line in the registry. Existing files stay as they are. */
export async function initProcessorCommand(name: string, projectFolder: string, terminal: Terminal): Promise<ExitCode> {
  if (!NAME.test(name) || name.length > 40) throw new UsageError(`expected a name such as \`word-count\` (lower-case letters, digits and hyphens, at most 40), got ${name}`);
  const variable = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const files = { [`processors/${name}/processor.ts`]: processorText(name, variable), [`test/unit/processors/${name}.test.ts`]: testText(name, variable) };
  for (const path of Object.keys(files)) {
    if (await stat(join(projectFolder, path)).catch(() => undefined)) throw new UsageError(`expected no file ${path} yet, but there is one: choose another name`);
  }
  const registry = registerProcessor(await readFile(join(projectFolder, REGISTRY), 'utf8'), name, variable);
  for (const [path, text] of Object.entries({ ...files, [REGISTRY]: registry })) {
    await mkdir(dirname(join(projectFolder, path)), { recursive: true });
    await writeFile(join(projectFolder, path), text);
  }
  const paths = [...Object.keys(files), REGISTRY];
  if (terminal.isJson) terminal.print(JSON.stringify({ name, files: paths }));
  else {
    for (const path of paths) terminal.print(`wrote ${path}`);
    terminal.print(`next: spillway try ${name} "some words"`);
  }
  return EXIT.ok;
}

/** Adds the import and the list's line. @throws UsageError if the registry has another form or the name already */
export function registerProcessor(text: string, name: string, variable: string): string {
  if (text.includes(`'./${name}/processor.ts'`)) throw new UsageError(`expected a new name, but ${REGISTRY} has ${name} already`);
  const lastImport = text.lastIndexOf('\nimport ');
  const list = /(const PROCESSORS[^=]*= \[)([^\]]*)\]/.exec(text);
  if (lastImport === -1 || !list) throw new UsageError(`expected imports and the list PROCESSORS in ${REGISTRY}: add ${name} to it by hand`);
  const [whole, start = '', entries = ''] = list;
  const isMultiline = entries.includes('\n');
  const listed = isMultiline ? `${start}${entries.trimEnd().replace(/,?$/, ',')}\n  ${variable},\n]` : `${start}${[entries.trim(), variable].filter((entry) => entry !== '').join(', ')}]`;
  const withImport = `${text.slice(0, lastImport)}\nimport { ${variable} } from './${name}/processor.ts';${text.slice(lastImport)}`;
  return withImport.replace(whole, () => listed);
}

const processorText = (name: string, variable: string): string => `import { z } from 'zod';
import type { Processor } from '../processor.ts';

const optionsSchema = z.strictObject({
  /** Shorter words are not counted. @default 1 */
  minLength: z.int().positive().default(1),
});

type Input = { readonly text: string };
type Options = z.infer<typeof optionsSchema>;

/** Counts words. Replace it: docs/processors/README.md says what each member promises. */
export const ${variable}: Processor<Input, Options> = {
  name: '${name}',
  summary: 'Counts the words of a text.',
  workerClass: 'standard',
  primaryField: 'text',
  optionsSchema,
  itemsPerBatch: 100,
  concurrency: 1,
  readRow: ({ text }) =>
    typeof text === 'string' && text.trim() !== '' ? { kind: 'item', input: { text } } : { kind: 'invalid', reason: 'expected a field \`text\` with some words' },
  async process({ input }, { options }) {
    const words = input.text.split(/\\s+/).filter((word) => word !== '' && word.length >= options.minLength);
    return { verdict: 'succeeded', output: { words: words.length } };
  },
};
`;

const testText = (name: string, variable: string): string => `import { expect, it } from 'vitest';
import { ${variable} } from '../../../processors/${name}/processor.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../shared/uploads.ts';

const context = {
  options: { minLength: 3 },
  signal: new AbortController().signal,
  now: () => 0,
  fetchPage: () => Promise.reject(new Error('this processor fetches nothing')),
  callApi: NO_APIS_CONFIGURED,
  limiter: UNLIMITED_CALLS,
  readUpload: NO_UPLOADS,
};

it('counts the words that are long enough', async () => {
  const answer = await ${variable}.process({ line: 1, input: { text: 'a heron on the weir' } }, context);
  expect(answer).toEqual({ verdict: 'succeeded', output: { words: 3 } });
});

it('calls a row without words invalid', () => {
  expect(${variable}.readRow({ text: ' ' }, context.options)).toMatchObject({ kind: 'invalid' });
});
`;
