import type { RunLedger } from '../../shared/ports.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';

/** What verify asks of the ledger: it only reads. */
export type ReadableLedger = Pick<RunLedger, 'readRun' | 'readShards' | 'readDone'>;

/** DynamoDB: at most 100 keys a BatchGetItem. A page of records is all that is held of them. */
const SHARDS_A_PAGE = 100;

/** A run's records, read as they are asked for. Shards are asked for in ascending order. */
export class LedgerView {
  readonly record: RunRecord;
  readonly #ledger: ReadableLedger;
  #pageStart = -1;
  #page = new Map<number, ShardRecord>();

  constructor(ledger: ReadableLedger, record: RunRecord) {
    this.#ledger = ledger;
    this.record = record;
  }

  /** @returns undefined if there is no such record */
  async shard(shard: number): Promise<ShardRecord | undefined> {
    const start = shard - (shard % SHARDS_A_PAGE);
    if (start !== this.#pageStart) await this.#readPage(start);
    return this.#page.get(shard);
  }

  done(): Promise<ReadonlySet<number>> {
    return this.#ledger.readDone(this.record.run);
  }

  async #readPage(start: number): Promise<void> {
    const numbers = Array.from({ length: SHARDS_A_PAGE }, (_, i) => start + i).filter((n) => n < (this.record.totals?.shards ?? Infinity));
    const records = await this.#ledger.readShards(this.record.run, numbers);
    this.#page = new Map(records.map((record) => [record.shard, record]));
    this.#pageStart = start;
  }
}
