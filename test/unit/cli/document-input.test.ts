import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDocuments, uploadDocuments } from '../../../cli/document-input.ts';
import type { CommandContext } from '../../../cli/settings.ts';
import { createFakeTerminal } from '../../support/fake-terminal.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-documents-'));
  await mkdir(join(folder, 'b/c'), { recursive: true });
  await mkdir(join(folder, '.git'));
  for (const [path, text] of [['z.pdf', '%PDF'], ['b/c/ä.txt', 'ä'], ['b/.hidden', 'x'], ['.git/config', 'x']] as const) await writeFile(join(folder, path), text);
});
afterEach(() => rm(folder, { recursive: true }));

const contextOf = (signal = new AbortController().signal): CommandContext => ({ terminal: createFakeTerminal(), tenant: 'acme', signal }) as unknown as CommandContext;

async function read(open: (() => AsyncIterable<Uint8Array>) | undefined): Promise<string> {
  let text = '';
  for await (const chunk of open!()) text += Buffer.from(chunk).toString();
  return text;
}

describe('documents on this machine', () => {
  it('are all files of a folder and below, but hidden ones', async () => {
    expect(await findDocuments(folder)).toEqual({ from: folder, folder, paths: ['b/c/ä.txt', 'z.pdf'] });
  });

  it('may be one file; a manifest and an address are none', async () => {
    expect(await findDocuments(join(folder, 'z.pdf'))).toMatchObject({ folder, paths: ['z.pdf'] });
    expect(await findDocuments(join(folder, 'b/c/ä.txt'))).toBeUndefined();
    expect(await findDocuments('https://example.com/a.pdf')).toBeUndefined();
  });

  it('that are not there are said to be so', async () => {
    await expect(findDocuments(join(folder, 'none'))).rejects.toThrow('there is nothing at');
    await mkdir(join(folder, 'empty'));
    await expect(findDocuments(join(folder, 'empty'))).rejects.toThrow('expected files in');
  });

  it('are stored below their tenant, and named by a manifest in order; again they take the same place', async () => {
    const uploads = new MemoryObjectStore('uploads');
    const documents = (await findDocuments(folder))!;
    const manifest = await uploadDocuments(documents, uploads, contextOf());
    const rows = (await read(manifest?.open)).trim().split('\n').map((line) => JSON.parse(line) as { file: string; id: string });
    expect(rows.map(({ id }) => id)).toEqual(['b/c/ä.txt', 'z.pdf']);
    expect(Buffer.from(await uploads.read(`acme/${rows[0]!.file}`)).toString()).toBe('ä');
    expect((await uploadDocuments(documents, uploads, contextOf()))?.name).toBe(manifest?.name);
  });

  it('make no run after Ctrl-C', async () => {
    expect(await uploadDocuments((await findDocuments(folder))!, new MemoryObjectStore('uploads'), contextOf(AbortSignal.abort()))).toBeUndefined();
  });
});
