import { assert, asyncProperty, array, constantFrom, scheduler } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rememberItems, type ItemDatabase, type ItemDatabases } from '../../../../../localstack/embedded/front/item-cache.ts';

type Wait = () => Promise<unknown>;

/** A store whose every call takes as long as `wait` says, and which reads at once what it answers later. */
function slowStore(wait: Wait): { readonly store: ItemDatabases; readonly reads: string[] } {
  const items = new Map<string, object>([['a', { n: 'from an earlier process' }]]);
  const reads: string[] = [];
  const database: ItemDatabase = {
    get(key, done) {
      reads.push(key);
      const found = items.get(key);
      void wait().then(() => done(null, found));
    },
    put: (key, item, done) => void wait().then(() => (items.set(key, item), done(null))),
    del: (key, done) => void wait().then(() => (items.delete(key), done(null))),
  };
  return { store: { getItemDb: () => database, deleteItemDb: (_table, done) => (items.clear(), done(null)) }, reads };
}

const get = (database: ItemDatabase, key: string) => new Promise<unknown>((resolve) => database.get(key, (_error, item) => resolve(item)));
const put = (database: ItemDatabase, key: string, item: object) => new Promise<void>((resolve) => database.put(key, item, () => resolve()));
const remove = (database: ItemDatabase, key: string) => new Promise<void>((resolve) => database.del(key, () => resolve()));

describe('remembered items', () => {
  test('an item that was written is not read from the store', async () => {
    const { store, reads } = slowStore(async () => {});
    rememberItems(store);
    await put(store.getItemDb('progress'), 'a', { n: 1 });
    expect(await get(store.getItemDb('progress'), 'a')).toEqual({ n: 1 });
    expect(reads).toEqual([]);
  });

  test('a table that is deleted leaves nothing to its successor', async () => {
    const { store } = slowStore(async () => {});
    rememberItems(store);
    await put(store.getItemDb('progress'), 'a', { n: 1 });
    await new Promise((resolve) => store.deleteItemDb('progress', resolve));
    expect(await get(store.getItemDb('progress'), 'a')).toBeUndefined();
  });

  test('an answered write is what every later read gives, however reads and writes overtake each other', async () => {
    const actions = array(constantFrom('get', 'put', 'delete'), { minLength: 1, maxLength: 12 });
    await assert(
      asyncProperty(scheduler(), actions, async (order, plan) => {
        const { store } = slowStore(() => order.schedule(Promise.resolve()));
        rememberItems(store);
        const database = store.getItemDb('progress');
        let last: object | undefined = { n: 'from an earlier process' };
        // dynalite locks the key: writes come one after the other, reads at any time.
        let writing = Promise.resolve();
        const reading: Promise<unknown>[] = [];
        for (const [n, action] of plan.entries()) {
          if (action === 'get') reading.push(get(database, 'a'));
          else {
            last = action === 'put' ? { n } : undefined;
            writing = writing.then(() => (action === 'put' ? put(database, 'a', { n }) : remove(database, 'a')));
          }
        }
        await order.waitFor(Promise.all([writing, ...reading]));
        expect(await order.waitFor(get(database, 'a'))).toEqual(last);
      }),
    );
  });
});
