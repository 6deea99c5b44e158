import { awaitRun } from '../../lambdas/await-run/await-run.ts';
import { dispatchBatches } from '../../lambdas/dispatch-batches/dispatch-batches.ts';
import { finishRun } from '../../lambdas/finish-run/finish-run.ts';
import { mergeResults } from '../../lambdas/merge-results/merge-results.ts';
import { planRun } from '../../lambdas/plan-run/plan-run.ts';
import { processBatch } from '../../lambdas/process-batch/process-batch.ts';
import { sweepRuns } from '../../lambdas/sweep-runs/sweep-runs.ts';
import { noop } from '../../processors/noop/processor.ts';
import type { Processor } from '../../processors/processor.ts';
import { admitRun } from '../../shared/admission.ts';
import type { BatchMessage, DispatchMessage, WorkMessage } from '../../shared/messages.ts';
import type { LaneStore, ObjectStore, RunLedger } from '../../shared/ports.ts';
import { MemoryObjectStore } from './memory-object-store.ts';

interface Execution {
  phase: 'plan' | 'call await' | 'await' | 'merge' | 'ended';
  token: string;
  attempt: number;
}

const WORKER_MS = 120_000;
const SWEEP_EVERY_MS = 60_000;
/** SQS FIFO: an id that was seen within five minutes swallows the message. */
const DEDUP_MS = 300_000;

/** Thrown by a call that its process does not survive. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** Says before each call of a step whether the process dies there: before the call happens, after it, or not. */
export type Fate = () => 'before' | 'after' | 'never';

/** The real steps of a run over a real ledger, with queues, a state machine and a clock that a test can see through and spoil. */
export class RunWorld {
  readonly results = new MemoryObjectStore('results');
  readonly manifests = new MemoryObjectStore('manifests');
  readonly ledger: RunLedger;
  readonly #lanes: LaneStore;
  now = 1_000_000;
  fate: Fate = () => 'never';
  dispatchQueue: DispatchMessage[] = [];
  workQueue: { message: WorkMessage; at: number }[] = [];
  /** What the state machine is at, by execution. */
  readonly executions = new Map<string, Execution>();
  readonly #seen = new Map<string, number>();
  readonly #slow: (() => Promise<void>)[] = [];
  #ids = 0;

  constructor(ledger: RunLedger, lanes: LaneStore) {
    this.ledger = ledger;
    this.#lanes = lanes;
  }

  async upload(key: string, rows: readonly string[], itemsPerBatch: number): Promise<string> {
    this.manifests.put(key, Buffer.from(rows.join('\n')), { metadata: { 'spillway-options': JSON.stringify({ itemsPerBatch }) } });
    const head = (await this.manifests.head(key))!;
    const source = { bucket: 'manifests', key, version: '1', bytes: head.bytes, etag: head.etag };
    const admission = await admitRun({ source, uploadedAt: '2026-01-01T00:00:00Z' }, this.#ports());
    if (admission.kind !== 'started') throw new Error(`expected the upload to start a run, it was ${admission.kind}`);
    return admission.run;
  }

  /** Takes every execution as far as it goes by itself. A step that crashes is tried again later, as the state machine retries it. */
  async stepExecutions(): Promise<void> {
    for (const [run, execution] of this.executions) await survive(() => this.#stepExecution(run, execution));
  }

  async dispatch(): Promise<void> {
    const messages = this.dispatchQueue.slice(0, 10);
    await survive(async () => {
      await dispatchBatches(messages, { ...this.#ports(), lanes: this.#lanes, newStamp: () => this.#newId('stamp'), windows: { standard: 3 }, onUnknownRun: () => undefined });
      this.dispatchQueue.splice(0, messages.length);
    });
  }

  /** Delivers one message whose time has come; it stays when the worker dies, and comes again. */
  async work(isDoubled = false): Promise<void> {
    const index = this.workQueue.findIndex(({ at }) => at <= this.now);
    const entry = this.workQueue[index];
    if (!entry) return;
    await survive(async () => {
      if ('wake' in entry.message) await this.#ports().dispatchQueue.send({ v: 1, type: 'wake' }, this.#newId('wake'));
      else await processBatch(entry.message, { owner: this.#newId('worker'), messageId: 'm', deadline: this.now + WORKER_MS }, this.#ports());
      if (!isDoubled) this.workQueue.splice(this.workQueue.indexOf(entry), 1);
    });
  }

  /** Delivers one message to a worker that stops before it writes its part, and goes on when it is let go: by then its lease may be over. */
  workSlowly(): void {
    const entry = this.workQueue.find(({ at, message }) => at <= this.now && !('wake' in message));
    if (!entry || 'wake' in entry.message) return;
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
    const delivery = { owner: this.#newId('slow'), messageId: 'm', deadline: this.now + WORKER_MS };
    const ended = survive(() => processBatch(entry.message as BatchMessage, delivery, { ...this.#ports(), results: this.#gated(gate) }));
    this.#slow.push(() => (letGo(), ended));
  }

  /** Lets every slow worker go on, and waits for its end. */
  async endSlowWorkers(): Promise<void> {
    for (const letGo of this.#slow.splice(0)) await letGo();
  }

  async sweep(): Promise<void> {
    const ports = this.#ports();
    await survive(() => sweepRuns({ ...ports, admit: (open) => admitRun(open, ports), newNonce: () => this.#newId('nonce'), onError: () => {} }));
  }

  /** Without further faults, until every run has ended. @returns how many rounds of the sweep that took */
  async settle(): Promise<number> {
    this.fate = () => 'never';
    await this.endSlowWorkers();
    for (let round = 0; round < 20; round++) {
      for (let step = 0; step < 60; step++) {
        await this.stepExecutions();
        await this.dispatch();
        await this.work();
      }
      if ((await this.ledger.listOpen()).length === 0) return round;
      this.now += SWEEP_EVERY_MS;
      await this.sweep();
    }
    throw new Error('expected every run to end within 20 rounds of the sweep');
  }

  async #stepExecution(run: string, execution: Execution): Promise<void> {
    const ports = this.#ports();
    if (execution.phase === 'plan') {
      await planRun({ v: 1, run }, { ...ports, processorOf: () => noop, newNonce: () => this.#newId('plan'), signal: new AbortController().signal });
      const { totals } = (await this.ledger.readRun(run))!;
      for (let shard = 0; shard < totals!.shards; shard++) await ports.dispatchQueue.send({ v: 1, type: 'open', run, shard }, `open/${run}/${shard}`);
      execution.phase = 'call await';
    } else if (execution.phase === 'call await') {
      // A token is good from the moment that the call is made; a call that fails is made again with a new one.
      execution.token = this.#newId('token');
      await awaitRun({ v: 1, run, token: execution.token, execution: run, attempt: execution.attempt++ }, ports);
      if (execution.phase === 'call await') execution.phase = 'await';
    } else if (execution.phase === 'merge') {
      await mergeResults({ v: 1, run }, ports);
      await finishRun({ v: 1, run }, ports);
      execution.phase = 'ended';
    }
  }

  #ports() {
    const executions = {
      start: async (name: string) => void (this.executions.has(name) || this.executions.set(name, { phase: 'plan', token: '', attempt: 0 })),
    };
    const taskAnswers = {
      succeedTask: async (token: string) => {
        const execution = [...this.executions.values()].find((each) => each.token === token && (each.phase === 'await' || each.phase === 'call await'));
        if (execution) execution.phase = 'merge';
      },
    };
    const dispatchQueue = { send: async (message: DispatchMessage, id: string) => this.#sendDispatch(message, id) };
    const workQueues = {
      send: async (_: string, messages: readonly { message: WorkMessage; delaySeconds: number }[]) =>
        void this.workQueue.push(...messages.map(({ message, delaySeconds }) => ({ message, at: this.now + 1000 * delaySeconds }))),
    };
    const ledger = this.#fragile(this.ledger);
    return {
      ledger,
      findRun: ledger.readRun,
      results: this.#fragile(this.results),
      manifests: this.#fragile(this.manifests),
      executions: this.#fragile(executions),
      taskAnswers: this.#fragile(taskAnswers),
      dispatchQueue: this.#fragile(dispatchQueue),
      workQueues: this.#fragile(workQueues),
      processors: [noop as Processor],
      processorOf: () => noop as Processor,
      fetchPage: () => Promise.reject(new Error('no fetch in this test')),
      clock: () => this.now,
    };
  }

  #gated(gate: Promise<void>): ObjectStore {
    return new Proxy<ObjectStore>(this.results, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...parameters: unknown[]) => {
          if (name === 'write') await gate;
          return Reflect.apply(member, target, parameters) as unknown;
        };
      },
    });
  }

  #sendDispatch(message: DispatchMessage, id: string): void {
    if (this.now - (this.#seen.get(id) ?? -Infinity) < DEDUP_MS) return;
    this.#seen.set(id, this.now);
    this.dispatchQueue.push(message);
  }

  /** Calls die as `fate` says. */
  #fragile<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...parameters: unknown[]) => {
          const fate = name === 'list' ? 'never' : this.fate();
          if (fate === 'before') return Promise.reject(new Crash());
          const answer: unknown = Reflect.apply(member, target, parameters);
          return fate === 'after' ? Promise.resolve(answer).then(() => Promise.reject(new Crash())) : answer;
        };
      },
    });
  }

  #newId(prefix: string): string {
    return `${prefix}-${this.#ids++}`;
  }
}

async function survive(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}
