import { BoundedTasks } from '../../shared/bounded-tasks.ts';
import { ShardCutter } from '../../shared/manifest/shard-cutter.ts';
import type { CutShard } from '../../shared/manifest/shard-cutter.ts';
import type { ShardEntry } from '../../shared/messages.ts';
import { DUPLICATES_FILE_NAME, EXPANDED_FILE_NAME, INVALID_FILE_NAME, SHARD_LIST_NAME, SHARD_PLANS_FILE_NAME, shardFileName } from '../../shared/names.ts';
import type { ObjectStore } from '../../shared/ports.ts';
import type { DuplicateRow, ExpandedRow, InvalidRow, PlannedItem } from '../../shared/rows.ts';
import { RowFile } from './row-file.ts';
import type { PlanSink } from './row-planner.ts';

const SHARD_WRITES_AT_ONCE = 4;

/** The files of one planning, below its own prefix. Nothing of them counts until the plan is frozen. */
export class PlanFiles implements PlanSink {
  readonly #results: ObjectStore;
  readonly #prefix: string;
  readonly #run: string;
  readonly #cutter: ShardCutter;
  readonly #invalid: RowFile;
  readonly #duplicates: RowFile;
  readonly #plans: RowFile;
  #expanded: RowFile | undefined;
  readonly #writes = new BoundedTasks(SHARD_WRITES_AT_ONCE);
  #cut: CutShard[] = [];
  #shards = 0;

  constructor(results: ObjectStore, prefix: string, run: string, itemsPerBatch: number) {
    this.#results = results;
    this.#prefix = prefix;
    this.#run = run;
    this.#cutter = new ShardCutter(itemsPerBatch);
    this.#invalid = new RowFile(results, prefix + INVALID_FILE_NAME);
    this.#duplicates = new RowFile(results, prefix + DUPLICATES_FILE_NAME);
    this.#plans = new RowFile(results, prefix + SHARD_PLANS_FILE_NAME);
  }

  item(item: PlannedItem, json: string): void {
    this.#take(this.#cutter.add(json, item));
  }

  duplicate(row: DuplicateRow): void {
    this.#duplicates.add(row);
  }

  invalid(row: InvalidRow): void {
    this.#invalid.add(row);
  }

  expanded(row: ExpandedRow): void {
    this.#expanded ??= new RowFile(this.#results, this.#prefix + EXPANDED_FILE_NAME);
    this.#expanded.add(row);
  }

  /** Waits while the store is slower than the rows. @throws what a write threw */
  async drain(): Promise<void> {
    if (this.#cut.length > 0) {
      const cut = this.#cut;
      this.#cut = [];
      for (const shard of cut) await this.#writes.start(() => this.#writeShard(shard));
    }
    for (const file of this.#rowFiles()) await file.drain();
  }

  /** No item comes any more. @returns how many shards there are */
  cutLast(): number {
    this.#take(this.#cutter.end());
    return this.#shards;
  }

  /** Resolves when everything is stored. */
  async end(): Promise<void> {
    await this.drain();
    await this.#writes.end();
    for (const file of this.#rowFiles()) await file.end();
    const entries = Array.from({ length: this.#shards }, (_, shard): ShardEntry => ({ v: 1, run: this.#run, shard }));
    await this.#results.write(this.#prefix + SHARD_LIST_NAME, JSON.stringify(entries), 'application/json');
  }

  /** Ends what is under way and stores no more; shard files already written are garbage that no plan names. */
  async discard(): Promise<void> {
    await Promise.all(this.#rowFiles().map((file) => file.discard()));
    await this.#writes.end().catch(() => undefined);
  }

  #take(shards: readonly CutShard[]): void {
    for (const { plan } of shards) this.#plans.add(plan);
    this.#cut.push(...shards);
    this.#shards += shards.length;
  }

  #writeShard({ plan, body }: CutShard): Promise<void> {
    return this.#results.write(this.#prefix + shardFileName(plan.shard), body, 'application/x-ndjson');
  }

  #rowFiles(): RowFile[] {
    const files = [this.#invalid, this.#duplicates, this.#plans];
    return this.#expanded === undefined ? files : [...files, this.#expanded];
  }
}
