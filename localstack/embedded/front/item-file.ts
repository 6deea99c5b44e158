import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The key-value database that dynalite keeps its tables in. Values are JSON. */
export interface ItemDatabase {
  put(key: string, value: unknown, done: (error: unknown) => void): void;
  del(key: string, done: (error: unknown) => void): void;
  batch(operations: readonly ItemOperation[], done: (error: unknown) => void): void;
}

type ItemOperation = { readonly type: 'put'; readonly key: string; readonly value: unknown } | { readonly type: 'del'; readonly key: string };

/**
 * Keeps every write to a database in memory in a file as well, and reads the file back at the start. A write is in the file before it is
 * answered, so that it survives the end of the process, though not that of the machine.
 *
 * Why not the database's own file: it is LevelDB 1.20, whose compaction can bring an older version of a key back
 * (google/leveldb issue 320, mended in 1.23). A ledger record that was updated often was seen to fall back by seconds.
 */
export class ItemFile {
  readonly #file: DatabaseSync;

  private constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#file = new DatabaseSync(path);
    // The journal is written to the system at every call; only the end of the machine could lose it.
    this.#file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
  }

  /** Fills `database` from the file, then follows its writes. */
  static async attach(path: string, database: ItemDatabase): Promise<ItemFile> {
    const file = new ItemFile(path);
    await file.#load(database);
    file.#follow(database);
    return file;
  }

  close(): void {
    this.#file.close();
  }

  async #load(database: ItemDatabase): Promise<void> {
    for (const { key, value } of this.#file.prepare('SELECT key, value FROM items').iterate()) {
      await new Promise<void>((resolve, reject) => {
        database.put(String(key), JSON.parse(String(value)), (error) => (error ? reject(error) : resolve()));
      });
    }
  }

  #follow(database: ItemDatabase): void {
    const { put, del, batch } = database;
    const store = this.#file.prepare('INSERT INTO items (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
    const remove = this.#file.prepare('DELETE FROM items WHERE key = ?');
    const write = (operation: ItemOperation) =>
      operation.type === 'put' ? store.run(operation.key, JSON.stringify(operation.value)) : remove.run(operation.key);
    database.put = (key, value, done) => {
      write({ type: 'put', key, value });
      put.call(database, key, value, done);
    };
    database.del = (key, done) => {
      write({ type: 'del', key });
      del.call(database, key, done);
    };
    database.batch = (operations, done) => {
      this.#file.exec('BEGIN');
      for (const operation of operations) write(operation);
      this.#file.exec('COMMIT');
      batch.call(database, operations, done);
    };
  }
}
