import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveInputs } from '../../../cli/manifest-input.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-input-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += Buffer.from(chunk).toString();
  return text;
}

describe('what `run` takes', () => {
  it('a URL is one row that asks for the site', async () => {
    const [input] = await resolveInputs('https://Docs.example:8443/guide', 'links');
    expect(input!.name).toBe('docs.example_8443.jsonl');
    expect(JSON.parse(await textOf(input!.open()))).toEqual({ url: 'https://docs.example:8443/guide', expand: 'links' });
  });

  it('a file is a manifest, with a name that is safe in a key', async () => {
    await writeFile(join(folder, 'my list (1).txt'), 'https://a.example/\n');
    const [input] = await resolveInputs(join(folder, 'my list (1).txt'));
    expect(input!.name).toBe('my_list__1_.txt');
    expect(await textOf(input!.open())).toBe('https://a.example/\n');
  });

  it('a folder is every manifest in it, by name, and nothing else', async () => {
    for (const name of ['b.csv', 'a.jsonl.gz', 'notes.md', 'c.xml']) await writeFile(join(folder, name), 'x');
    expect((await resolveInputs(folder)).map(({ name }) => name)).toEqual(['a.jsonl.gz', 'b.csv', 'c.xml']);
  });

  it('a folder without a manifest, and nothing at all, are refused', async () => {
    await expect(resolveInputs(folder)).rejects.toThrow(/expected a manifest/);
    await expect(resolveInputs(join(folder, 'gone.txt'))).rejects.toThrow(/there is nothing at/);
  });
});
