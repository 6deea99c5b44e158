/** As abstract-level has them: open until they are closed. */
interface ItemIterator {
  next(): Promise<unknown>;
  close(): Promise<void>;
}

export interface IteratedDatabase {
  values(options?: object): ItemIterator;
  keys(options?: object): ItemIterator;
}

/**
 * dynalite ends its iterators by `return`, which abstract-level's do not have: without it each Query and Scan stays open for good, and keeps the
 * table as it was at that moment.
 */
export function closeIterators(database: IteratedDatabase): void {
  for (const name of ['values', 'keys'] as const) {
    const open = database[name].bind(database);
    database[name] = (options) => {
      const iterator = open(options);
      return Object.assign(iterator, { return: () => iterator.close() });
    };
  }
}
