/** Keys of the table `progress`. */

/** Items without an order of their own have this sort key. */
export const SINGLE = '-';

export const runKey = (run: string) => ({ pk: `RUN#${run}`, sort: SINGLE });
export const doneKey = (run: string) => ({ pk: `DONE#${run}`, sort: SINGLE });
export const shardKey = (run: string, shard: number) => ({ pk: `SHARD#${run}#${shard}`, sort: SINGLE });
/** Runs by time, of all tenants and of one; the run's id makes the key unique. */
export const listName = (tenant?: string): string => (tenant === undefined ? 'RUNS' : `RUNS#${tenant}`);
export const deletedKey = (run: string) => ({ pk: 'DELETED', sort: run });
export const openKey = (run: string) => ({ pk: 'OPEN', sort: run });
