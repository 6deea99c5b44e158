import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { closeIterators, type IteratedDatabase } from '../../../../../localstack/embedded/front/item-iterators.ts';

type Database = IteratedDatabase & { open(): Promise<void>; put(key: string, value: object): Promise<void>; createValueStream(options?: object): Readable };

const { create } = createRequire(import.meta.url)('dynalite/db') as { create(options: object): { readonly db: Database } };

it.each([
  ['is read to its end', async (stream: Readable) => expect(await stream.toArray()).toEqual([{ n: 1 }, { n: 2 }])],
  ['is left half read', async (stream: Readable) => void stream.destroy()],
])('an iterator is closed when its stream %s', async (_, use) => {
  const { db } = create({});
  await db.open();
  await db.put('a', { n: 1 });
  await db.put('b', { n: 2 });
  closeIterators(db);
  const opened: ReturnType<Database['values']>[] = [];
  const { values } = db;
  db.values = (options) => {
    const iterator = values(options);
    opened.push(iterator);
    return iterator;
  };
  const stream = db.createValueStream();
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await use(stream);
  await closed;
  expect(opened).toHaveLength(1);
  await expect(opened[0]!.next()).rejects.toMatchObject({ code: 'LEVEL_ITERATOR_NOT_OPEN' });
});
