import type { ReadableLedger } from '../../cli/verify/ledger-view.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export type StoredShard = Mutable<Omit<ShardRecord, 'b'>> & { b: Record<string, Mutable<ShardRecord['b'][string]>> };

/** One run's records in memory, to be tampered with. */
export class StoredLedger implements ReadableLedger {
  run: Mutable<RunRecord> | undefined;
  readonly shards: Map<number, StoredShard>;
  readonly done: Set<number>;

  constructor(run: RunRecord, shards: Iterable<ShardRecord>, done: Iterable<number>) {
    this.run = structuredClone(run);
    this.shards = new Map(Array.from(shards, (shard) => [shard.shard, structuredClone(shard) as StoredShard]));
    this.done = new Set(done);
  }

  readRun(run: string): Promise<RunRecord | undefined> {
    return Promise.resolve(run === this.run?.run ? this.run : undefined);
  }

  readShards(_run: string, shards: readonly number[]): Promise<ShardRecord[]> {
    return Promise.resolve(shards.flatMap((shard) => this.shards.get(shard) ?? []));
  }

  readDone(): Promise<ReadonlySet<number>> {
    return Promise.resolve(this.done);
  }
}

/** What a ledger holds of a run. */
export async function copyLedger(ledger: ReadableLedger, runId: string): Promise<StoredLedger> {
  const run = (await ledger.readRun(runId))!;
  const numbers = Array.from({ length: run.totals?.shards ?? 0 }, (_, n) => n);
  return new StoredLedger(run, await ledger.readShards(runId, numbers), await ledger.readDone(runId));
}
