import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlannedRun, RunRecord, ShardRecord } from '../shared/records.ts';
import type { RunLedger } from '../shared/ports.ts';

/** The ledger of one run as plain files, a record each: what planning, finishing and verifying need of it. */
export class FolderLedger {
  readonly #folder: string;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
  }

  /** The port, for steps that use only these members. */
  asPort(): RunLedger {
    return this as unknown as RunLedger;
  }

  readRun(_run: string): Promise<RunRecord | undefined> {
    const path = this.#path('run');
    return Promise.resolve(existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RunRecord) : undefined);
  }

  putRun(run: RunRecord): void {
    writeFileSync(this.#path('run'), JSON.stringify(run));
  }

  async freezePlan(id: string, { nonce, totals }: { nonce: string; totals: PlannedRun['totals'] }): Promise<PlannedRun> {
    const run = { ...(await this.readRun(id))!, plan: nonce, totals };
    this.putRun(run);
    return run;
  }

  putShard(shard: ShardRecord): Promise<void> {
    writeFileSync(this.#path(`shard-${shard.shard}`), JSON.stringify(shard));
    return Promise.resolve();
  }

  readShards(_run: string, shards: readonly number[]): Promise<ShardRecord[]> {
    return Promise.resolve(shards.map((shard) => JSON.parse(readFileSync(this.#path(`shard-${shard}`), 'utf8')) as ShardRecord));
  }

  readDone(_run: string): Promise<ReadonlySet<number>> {
    const names = readdirSync(this.#folder).map((name) => /^shard-(\d+)\.json$/.exec(name)?.[1]);
    return Promise.resolve(new Set(names.filter((shard) => shard !== undefined).map(Number)));
  }

  async markEnded(id: string, end: { state: 'finished' | 'failed'; finishedAt: string }): Promise<RunRecord> {
    const run = { ...(await this.readRun(id))!, ...end };
    this.putRun(run);
    return run;
  }

  takeOffOpen(): Promise<void> {
    return Promise.resolve();
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.json`);
  }
}
