import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Checkpoint } from '../../../../cli/remote/checkpoint.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-checkpoint-'));
  file = join(folder, 'deep/one.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const A = { path: 'a/ä.txt', bytes: 3, modifiedMs: 10 };
const B = { path: 'b.txt', bytes: 3, modifiedMs: 10 };

describe('a checkpoint', () => {
  it('knows after a kill what had arrived, and the upload that it belongs to', async () => {
    expect(await Checkpoint.read(file)).toBeUndefined();
    await (await Checkpoint.create(file, 'u1')).add(A);
    const read = await Checkpoint.read(file);
    expect(read?.upload).toBe('u1');
    expect([read?.has(A), read?.has(B)]).toEqual([true, false]);
  });

  it('sends a file again that has changed since', async () => {
    const checkpoint = await Checkpoint.create(file, 'u1');
    await checkpoint.add(A);
    expect([checkpoint.has({ ...A, bytes: 4 }), checkpoint.has({ ...A, modifiedMs: 11 })]).toEqual([false, false]);
    await checkpoint.add({ ...A, bytes: 4 });
    expect((await Checkpoint.read(file))?.has({ ...A, bytes: 4 })).toBe(true);
  });

  it('takes a line that was cut for one that was not written, and goes on behind it', async () => {
    await (await Checkpoint.create(file, 'u1')).add(A);
    await appendFile(file, '{"path":"b.t');
    const read = await Checkpoint.read(file);
    expect([read?.has(A), read?.has(B)]).toEqual([true, false]);
    await read?.add(B);
    expect((await Checkpoint.read(file))?.has(B)).toBe(true);
  });

  it('whose very first line was cut is none', async () => {
    await Checkpoint.create(file, 'u1');
    await rm(file);
    await appendFile(file, '{"uplo');
    expect(await Checkpoint.read(file)).toBeUndefined();
  });

  it('is readable by its user only, and goes when it is done', async () => {
    const checkpoint = await Checkpoint.create(file, 'u1');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await checkpoint.remove();
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });
});
