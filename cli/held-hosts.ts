import type { LaneState } from '../shared/lanes.ts';
import { waitingBatches } from '../shared/lanes.ts';
import type { LaneStore, ObjectStore, RunLedger } from '../shared/ports.ts';
import { readFirstItem } from '../shared/shard-file.ts';

/** Deferred batches whose host is looked up at a time: each costs a read once. */
const LOOKED_AT = 20;

export interface HeldHostsPorts {
  readonly lanes: Pick<LaneStore, 'read'>;
  readonly ledger: Pick<RunLedger, 'readShards'>;
  readonly results: Pick<ObjectStore, 'read'>;
}

/**
 * Which hosts a run waits for: those of its batches that a limit has deferred. A batch holds items of one host, or of few;
 * the host of its first item speaks for it. Answers are remembered, because a batch never changes its items.
 */
export function createHeldHosts({ lanes, ledger, results }: HeldHostsPorts, now: () => number): (run: string) => Promise<readonly string[]> {
  const known = new Map<string, string>();
  return async (run) => {
    const state = (await lanes.read())?.state as LaneState | undefined;
    const waiting = state ? waitingBatches(state, run, now()).slice(0, LOOKED_AT) : [];
    const unknown = waiting.filter(({ shard, batch }) => !known.has(`${run}/${shard}/${batch}`));
    for (const record of await ledger.readShards(run, [...new Set(unknown.map(({ shard }) => shard))])) {
      for (const { batch } of unknown.filter(({ shard }) => shard === record.shard)) {
        const { limitKey = '' } = await readFirstItem(results, record, batch);
        known.set(`${run}/${record.shard}/${batch}`, limitKey.replace(/^host:/, ''));
      }
    }
    return [...new Set(waiting.map(({ shard, batch }) => known.get(`${run}/${shard}/${batch}`) ?? ''))].filter((host) => host !== '');
  };
}
