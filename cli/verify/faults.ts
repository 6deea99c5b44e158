/** Every fault that `verify` names, with what it means. The names are stable: scripts match on them, `docs/cli.md` lists them. */
export const FAULTS = {
  'run-open': 'the run has not ended: nothing of it is final',
  'run-failed': 'the run failed: there is nothing to count',
  'manifest-missing': 'the run has no manifest.json',
  'manifest-malformed': 'manifest.json is not what a finished run writes',
  'source-missing': 'the uploaded manifest is gone, or this version of it',
  'source-changed': 'the uploaded manifest has other bytes than the run read',
  'source-unreadable': 'the uploaded manifest can not be read to its end',
  'file-missing': 'a listed file is not there',
  'file-changed': 'a listed file has another size or SHA-256',
  'file-unlisted': 'a file is there that manifest.json does not list',
  'file-list-unsorted': 'the files of manifest.json are not sorted, or one stands there twice',
  'part-misnamed': 'a part is not what its name says',
  'part-malformed': 'a part is not whole gzip NDJSON with a header',
  'part-header-wrong': 'the header of a part contradicts its name or the chain',
  'part-row-count': 'a part has another number of rows than its header says',
  'chain-broken': 'a part names a predecessor that is not listed',
  'chain-forked': 'two parts of a batch name the same predecessor',
  'chain-cyclic': 'parts of a batch name each other in a circle',
  'row-malformed': 'a row is not what its file holds',
  'row-doubled': 'a line has more than one row',
  'row-missing': 'a planned item has no result',
  'row-unplanned': 'a result belongs to no planned item of its shard',
  'row-changed': 'a result has another id or input than the plan',
  'row-misplaced': 'a result stands in another batch than the plan says',
  'plan-missing': 'a file of the plan is not there',
  'plan-malformed': 'a file of the plan is not what the planner writes',
  'shard-list-wrong': 'shards.json does not name each shard once',
  'duplicate-wrong': 'a duplicate does not name an earlier item that equals it',
  'duplicate-missed': 'two items are equal and neither is called a duplicate',
  'id-repeated': 'two items have the same id',
  'invalid-wrong': 'a row called invalid reads as a valid item',
  'source-row-lost': 'a row of the uploaded manifest is neither an item nor invalid',
  'source-row-added': 'the run has a line that the uploaded manifest has not',
  'input-wrong': 'an item is not what its row of the uploaded manifest says',
  'counts-wrong': 'a count in manifest.json is not what the rows give',
  'totals-wrong': 'a total in manifest.json is not what the files give',
  'errors-wrong': 'errors.ndjson.gz does not hold exactly the failed rows',
  'stop-wrong': 'a row is skipped for a stop that manifest.json does not name',
  'ledger-run-missing': 'the ledger has no record of the run',
  'ledger-run-wrong': 'the ledger\'s record of the run differs from manifest.json',
  'ledger-shard-missing': 'the ledger has no record of a shard',
  'ledger-shard-wrong': 'the ledger\'s record of a shard differs from the plan',
  'ledger-counts-wrong': 'a counter of a shard\'s record is not what the files give',
  'ledger-batch-open': 'the ledger has items left in a run that has ended',
  'ledger-chain-wrong': 'the ledger names another last part or settle number than the chain of a batch has',
  'ledger-done-wrong': 'the ledger\'s set of finished shards is not that of all shards',
} as const;

export type FaultName = keyof typeof FAULTS;

export interface Fault {
  readonly name: FaultName;
  /** What was expected and what is there. */
  readonly message: string;
  /** Key below the run's prefix, key of the uploaded manifest, or key of a record of the ledger. */
  readonly file: string;
  /** Row of that file, from 1; undefined: the file as a whole. */
  readonly line?: number;
}

/** How many faults of one name are kept: a broken run of millions of rows must not fill the memory with their sentences. */
const KEPT_PER_NAME = 20;

/** Collects faults; counts all of them, keeps the first of each name. */
export class FaultLog {
  readonly #kept: Fault[] = [];
  readonly #counts = new Map<FaultName, number>();

  add(name: FaultName, file: string, message: string, line?: number): void {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (count <= KEPT_PER_NAME) this.#kept.push({ name, message, file, ...(line !== undefined && { line }) });
  }

  get kept(): readonly Fault[] {
    return this.#kept;
  }

  get counts(): ReadonlyMap<FaultName, number> {
    return this.#counts;
  }
}
