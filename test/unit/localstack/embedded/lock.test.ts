import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireLock, readLockHolder } from '../../../../localstack/embedded/lock.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'lock-test-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const writeLock = (holder: object): void => writeFileSync(join(folder, 'lock'), JSON.stringify({ endpoint: '', startedAt: 'then', processStart: '', ...holder }));

it('a live lock says who holds the folder', async () => {
  const lock = await acquireLock(folder);
  await lock.announce('http://127.0.0.1:7');
  await expect(acquireLock(folder)).rejects.toThrow(new RegExp(`process id ${process.pid}, started .*, at http://127.0.0.1:7`));
  expect(await readLockHolder(folder)).toMatchObject({ pid: process.pid, endpoint: 'http://127.0.0.1:7' });
});

it('a released lock leaves nothing behind', async () => {
  await (await acquireLock(folder)).release();
  expect(readdirSync(folder)).toEqual([]);
  expect(await readLockHolder(folder)).toBeUndefined();
});

it('one alone of many that start at once gets the folder', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(folder)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

it('one alone of many that find a stale lock takes it over', async () => {
  writeLock({ pid: 2 ** 30 });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => acquireLock(folder)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(readdirSync(folder)).toEqual(['lock']);
});

it('a lock whose process id now belongs to another process is taken over', async () => {
  writeLock({ pid: process.pid, processStart: 'long ago' });
  await acquireLock(folder);
  expect(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid, processStart: expect.not.stringContaining('long ago') });
});

it('a lock that can not be read is taken over', async () => {
  writeFileSync(join(folder, 'lock'), '{"pid":');
  await acquireLock(folder);
  expect(await readLockHolder(folder)).toMatchObject({ pid: process.pid });
});
