/** Keys of the table `progress`. */

/** Items without an order of their own have this sort key. */
export const SINGLE = '-';

export const runKey = (run: string) => ({ pk: `RUN#${run}`, sort: SINGLE });
export const doneKey = (run: string) => ({ pk: `DONE#${run}`, sort: SINGLE });
export const shardKey = (run: string, shard: number) => ({ pk: `SHARD#${run}#${shard}`, sort: SINGLE });
export const openKey = (run: string) => ({ pk: 'OPEN', sort: run });
