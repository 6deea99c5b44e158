import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ItemFile, type ItemDatabase } from '../../../../../localstack/embedded/front/item-file.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'spillway-items-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A database as dynalite's, over a Map. */
function aDatabase(items = new Map<string, unknown>()): ItemDatabase & { readonly items: Map<string, unknown> } {
  return {
    items,
    put: (key, value, done) => (items.set(key, value), done(null)),
    del: (key, done) => (items.delete(key), done(null)),
    batch(operations, done) {
      for (const operation of operations) {
        if (operation.type === 'put') items.set(operation.key, operation.value);
        else items.delete(operation.key);
      }
      done(null);
    },
  };
}

const call = (run: (done: (error: unknown) => void) => void) => new Promise<void>((resolve, reject) => run((error) => (error ? reject(error) : resolve())));

it('the last write of each key comes back, however often it was written', async () => {
  const database = aDatabase();
  const file = await ItemFile.attach(join(folder, 'items.sqlite'), database);
  for (let write = 0; write < 5000; write++) {
    const key = `shard-${write % 7}`;
    await call((done) => database.put(key, { write, padding: 'x'.repeat(3000) }, done));
    if (write % 11 === 0) await call((done) => database.del(key, done));
    if (write % 13 === 0) await call((done) => database.batch([{ type: 'put', key: 'batch', value: { write } }, { type: 'del', key }], done));
  }
  file.close();
  const restored = aDatabase();
  (await ItemFile.attach(join(folder, 'items.sqlite'), restored)).close();
  expect(restored.items.size).toBeGreaterThan(1);
  expect(restored.items).toEqual(database.items);
});

it('a write is in the file before it is answered', async () => {
  const path = join(folder, 'items.sqlite');
  const database = aDatabase();
  await ItemFile.attach(path, database);
  await call((done) => database.put('key', { answered: true }, done));
  // Opened beside the first, as after a kill: nothing was closed.
  const restored = aDatabase();
  (await ItemFile.attach(path, restored)).close();
  expect(restored.items).toEqual(new Map([['key', { answered: true }]]));
});
