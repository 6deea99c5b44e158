import type { Delivery, ProcessPorts } from '../../lambdas/process-batch/delivery.ts';
import { type BatchEnd, processBatch } from '../../lambdas/process-batch/process-batch.ts';
import { noop } from '../../processors/noop/processor.ts';
import type { Processor } from '../../processors/processor.ts';
import type { DispatchMessage } from '../../shared/messages.ts';
import { planPrefix, shardFileName } from '../../shared/names.ts';
import { readPart, walkChain } from '../../shared/parts.ts';
import type { RunLedger } from '../../shared/ports.ts';
import type { BatchState, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { ResultRow } from '../../shared/rows.ts';
import { aRun, aShard } from './ledger-fixtures.ts';
import { Life, survive } from './life.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../shared/limiting/unlimited.ts';

export const WORKER_MS = 120_000;
const LEASE_MARGIN_MS = 10_000;

/** What becomes of a line in the hands of one worker; `life.end()` is its death. */
export type Treat = (line: number, life: Life) => ReturnType<Processor['process']>;

let runs = 0;

/** One planned batch on a real ledger, and workers that take it in turn. */
export class WorkerBench {
  readonly results = new MemoryObjectStore('results');
  readonly ledger: RunLedger;
  readonly run: RunRecord;
  readonly #items: number;
  now = 1_000_000;
  /** Calls of the processor, by line. */
  readonly effects = new Map<number, number>();
  readonly reports: DispatchMessage[] = [];
  readonly answeredTokens: string[] = [];
  #workers = 0;

  constructor(ledger: RunLedger, items: number) {
    this.ledger = ledger;
    this.#items = items;
    this.run = aRun({ run: `r${String(runs++).padStart(25, 'a')}` });
  }

  /** @param shards of the run; only the first has items */
  static async create(ledger: RunLedger, items: number, shards = 1): Promise<WorkerBench> {
    const bench = new WorkerBench(ledger, items);
    await bench.#plan(shards);
    return bench;
  }

  async #plan(shards: number): Promise<void> {
    const { run, ledger } = this;
    const lines = Array.from({ length: this.#items }, (_, i) => `${JSON.stringify({ line: i + 1, input: { value: `row ${i}` } })}\n`).join('');
    await ledger.admit(run, { v: 1, run: run.run, source: run.source, uploadedAt: run.createdAt });
    await ledger.freezePlan(run.run, { nonce: 'p1', totals: { rows: this.#items, invalid: 0, items: this.#items, duplicates: 0, shards } });
    await ledger.putShard(aShard([this.#items], { run: run.run, offsets: [0, lines.length] }));
    await this.results.write(`${planPrefix(run.tenant, run.run, 'p1')}${shardFileName(0)}`, lines, 'application/x-ndjson');
  }

  /** A message of the batch, by default at its settle number, to a worker of its own. @returns how it ended, undefined if the worker died */
  async deliver(treat: Treat = succeed, { q: sentQ, life = new Life(() => 'never') }: { q?: number; life?: Life } = {}): Promise<BatchEnd | undefined> {
    const q = sentQ ?? (await this.readBatch()).q;
    const owner = `worker ${this.#workers++}`;
    const delivery: Delivery = { owner, messageId: `message of ${owner}`, deadline: this.now + WORKER_MS };
    let end: BatchEnd | undefined;
    await survive(life, async () => (end = await processBatch({ v: 1, run: this.run.run, shard: 0, batch: 0, q }, delivery, this.ports(life, treat))));
    return end;
  }

  ports(life = new Life(() => 'never'), treat = succeed): ProcessPorts {
    const process: Processor['process'] = ({ line }) => {
      this.effects.set(line, (this.effects.get(line) ?? 0) + 1);
      return treat(line, life);
    };
    const ledger = life.spoil(this.ledger);
    return {
      ledger,
      findRun: ledger.readRun,
      results: life.spoil(this.results),
      dispatchQueue: life.spoil({ send: async (message: DispatchMessage) => void this.reports.push(message) }),
      taskAnswers: life.spoil({ succeedTask: async (token: string) => void this.answeredTokens.push(token) }),
      processorOf: () => ({ ...noop, process, concurrency: 1 }),
      fetchPage: () => Promise.reject(new Error('no fetch in this test')),
      callApi: NO_APIS_CONFIGURED,
      limiter: UNLIMITED_CALLS,
      uploads: undefined,
      clock: () => this.now,
      sleep: async (ms) => void (this.now += ms),
      random: () => 0.5,
      newOwner: () => `owner ${this.#workers++}`,
      leaseMarginMs: LEASE_MARGIN_MS,
      closingMs: 10_000,
      isRecountDue: () => true,
      onError: () => {},
    };
  }

  /** Every lease that runs now is over. */
  endLeases(): void {
    this.now += WORKER_MS + LEASE_MARGIN_MS + 1;
  }

  /** Workers that died as soon as they had the batch: one more, and it is worked on carefully. */
  async killTwo(): Promise<void> {
    for (let death = 0; death < 2; death++) {
      await this.deliver((_, life) => life.end());
      this.endLeases();
    }
    this.effects.clear();
  }

  async readShard(): Promise<ShardRecord> {
    return (await this.ledger.readShard(this.run.run, 0))!;
  }

  async readBatch(): Promise<BatchState> {
    return (await this.readShard()).b[0]!;
  }

  /** What the ledger counts, and the lines and verdicts that its chain of parts holds. */
  async readVerdicts(): Promise<{ ok: number; ko: number; sk: number; nd: number; rows: string[] }> {
    const { ok, ko, sk, nd } = await this.readShard();
    return { ok, ko, sk, nd, rows: (await this.readRows()).map(({ line, verdict }) => `${line} ${verdict}`) };
  }

  async readRows(): Promise<ResultRow[]> {
    const chain = await walkChain(this.results, this.run, await this.readShard(), 0);
    return (await Promise.all(chain.parts.map((part) => readPart(this.results, this.run, { shard: 0, batch: 0, part })))).flat();
  }
}

export const succeed: Treat = async () => ({ verdict: 'succeeded', output: {} });

/** Waits until something that another process does has happened. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(setImmediate);
}
