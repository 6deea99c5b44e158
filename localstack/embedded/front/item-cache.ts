type Done<T> = (error: unknown, value?: T) => void;

/** One table's items by key, as dynalite reads and writes them. */
export interface ItemDatabase {
  get(key: string, done: Done<object>): void;
  put(key: string, item: object, done: Done<void>): void;
  del(key: string, done: Done<void>): void;
}

export interface ItemDatabases {
  getItemDb(table: string): ItemDatabase;
  deleteItemDb(table: string, done: Done<void>): void;
}

/** Of each table. A shard record is about 30 KB as objects, and few are in work at once. */
const ITEMS_REMEMBERED = 500;

/**
 * Spares parsing again what was read or written last: dynalite keeps its items as JSON. A write still ends when the store has it.
 * dynalite changes copies of items only, so they can be shared.
 */
export function rememberItems(store: ItemDatabases): void {
  const known = new Map<string, ItemDatabase>();
  const { getItemDb, deleteItemDb } = store;
  store.getItemDb = (table) => {
    const found = known.get(table) ?? rememberLatest(getItemDb(table));
    known.set(table, found);
    return found;
  };
  store.deleteItemDb = (table, done) => {
    known.delete(table);
    deleteItemDb(table, done);
  };
}

function rememberLatest(database: ItemDatabase): ItemDatabase {
  const latest = new LatestItems();
  let writesBegun = 0;
  let writesEnded = 0;
  const write = (key: string, item: object | undefined, done: Done<void>): Done<void> => {
    writesBegun++;
    return (error) => {
      writesEnded++;
      if (error || item === undefined) latest.forget(key);
      else latest.set(key, item);
      done(error);
    };
  };
  const remembering: Pick<ItemDatabase, 'get' | 'put' | 'del'> = {
    get(key, done) {
      const item = latest.get(key);
      if (item !== undefined) return done(null, item);
      const begun = writesBegun;
      database.get(key, (error, found) => {
        // What a write overtook may be older than what it wrote.
        if (found !== undefined && begun === writesBegun && begun === writesEnded) latest.set(key, found);
        done(error, found);
      });
    },
    put: (key, item, done) => database.put(key, item, write(key, item, done)),
    del: (key, done) => database.del(key, write(key, undefined, done)),
  };
  // The rest, streams and the lock, stays as it is.
  return Object.assign(Object.create(database) as ItemDatabase, remembering);
}

/** Forgets what was used longest ago. */
class LatestItems {
  readonly #items = new Map<string, object>();

  get(key: string): object | undefined {
    const item = this.#items.get(key);
    if (item !== undefined) this.set(key, item);
    return item;
  }

  set(key: string, item: object): void {
    this.#items.delete(key);
    this.#items.set(key, item);
    if (this.#items.size > ITEMS_REMEMBERED) this.#items.delete(this.#items.keys().next().value!);
  }

  forget(key: string): void {
    this.#items.delete(key);
  }
}
