import { dispatchBatches } from '../../lambdas/dispatch-batches/dispatch-batches.ts';
import { processBatch } from '../../lambdas/process-batch/process-batch.ts';
import { sweepRuns } from '../../lambdas/sweep-runs/sweep-runs.ts';
import { noop } from '../../processors/noop/processor.ts';
import type { Processor } from '../../processors/processor.ts';
import { admitRun, startExecution } from '../../shared/admission.ts';
import type { BatchMessage, DispatchMessage, WorkMessage } from '../../shared/messages.ts';
import type { CarefulMark, Credits, LaneStore, ObjectStore, RunLedger, SettleRequest, TenantStore, WaitingRoom } from '../../shared/ports.ts';
import { letIn } from '../../shared/let-in.ts';
import type { PlannedRun, RunRecord } from '../../shared/records.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { leaveRoom } from '../../shared/release-queued.ts';
import { finishStop, stopRun } from '../../shared/stop-run.ts';
import { type Fate, Life, survive } from './life.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { WorldExecutions } from './world-executions.ts';
import { UNKNOWN_TENANTS } from './unknown-tenants.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../shared/limiting/unlimited.ts';

export const WORKER_MS = 120_000;
const SWEEP_EVERY_MS = 60_000;
/** SQS FIFO: an id that was seen within five minutes swallows the message. */
const DEDUP_MS = 300_000;
/** What an item of this world costs when it succeeds. */
export const CREDITS_PER_ITEM = 2;

export interface WorldStores {
  readonly ledger: RunLedger;
  readonly lanes: LaneStore;
  /** @param clock milliseconds since the epoch */
  readonly creditsOf: (clock: () => number) => Credits;
  readonly room: WaitingRoom;
  readonly tenants: TenantStore;
}

/** The real steps of a run over a real ledger, with queues, a state machine and a clock that a test can see through and spoil. */
export class RunWorld {
  readonly results = new MemoryObjectStore('results');
  readonly manifests = new MemoryObjectStore('manifests');
  readonly ledger: RunLedger;
  readonly #lanes: LaneStore;
  readonly #credits: Credits;
  readonly #room: WaitingRoom;
  readonly #tenants: TenantStore;
  now = Date.parse('2026-01-01T00:00:00Z');
  fate: Fate = () => 'never';
  /** Share of items that a limit holds back. */
  holds: () => boolean = () => false;
  /** Lines whose worker dies. */
  readonly poison = new Set<number>();
  dispatchQueue: DispatchMessage[] = [];
  workQueue: { message: WorkMessage; at: number }[] = [];
  readonly executions = new WorldExecutions();
  /** Calls of the processor by line, and deaths of workers that had claimed the line's batch. */
  readonly effects = new Map<number, number>();
  readonly deaths = new Map<number, number>();
  /** Deaths of workers while exactly this line was marked. */
  readonly markedDeaths = new Map<number, number>();
  readonly #seen = new Map<string, number>();
  readonly #slow: (() => Promise<void>)[] = [];
  #ids = 0;

  constructor({ ledger, lanes, creditsOf, room, tenants }: WorldStores) {
    this.#room = room;
    this.#tenants = tenants;
    this.ledger = ledger;
    this.#lanes = lanes;
    this.#credits = creditsOf(() => this.now);
  }

  async upload(key: string, rows: readonly string[], itemsPerBatch: number, options: JsonObject = {}): Promise<string> {
    this.manifests.put(key, Buffer.from(rows.join('\n')), { metadata: { 'spillway-options': JSON.stringify({ ...options, itemsPerBatch }) } });
    const admission = await admitRun(await this.#uploadOf(key), this.ports());
    if (admission.kind !== 'started') throw new Error(`expected the upload to start a run, it was ${admission.kind}`);
    return admission.run;
  }

  /** The event again. */
  async admitAgain(key: string): Promise<void> {
    await survive(this.#newLife(), async (life) => admitRun(await this.#uploadOf(key), this.ports(life)));
  }

  async #uploadOf(key: string) {
    const head = (await this.manifests.head(key))!;
    return { source: { bucket: 'manifests', key, version: '1', bytes: head.bytes, etag: head.etag }, uploadedAt: '2026-01-01T00:00:00Z' };
  }

  /** Takes every execution as far as it goes by itself. A step that crashes is tried again later, as the state machine retries it. */
  async stepExecutions(): Promise<void> {
    for (const execution of this.executions.all()) await survive(this.#newLife(), (life) => this.executions.step(execution, this.ports(life), () => this.newId('token')));
  }

  async dispatch(): Promise<void> {
    const messages = this.dispatchQueue.slice(0, 10);
    const hasEnded = await survive(this.#newLife(), (life) =>
      dispatchBatches(messages, { ...this.ports(life), lanes: life.spoil(this.#lanes), newStamp: () => this.newId('stamp'), windows: { standard: 3 }, resendAfterMs: 120_000, onUnknownRun: () => undefined }),
    );
    if (hasEnded) this.dispatchQueue.splice(0, messages.length);
  }

  /** Delivers one message whose time has come; it stays when the worker dies, and comes again. */
  async work(isDoubled = false): Promise<void> {
    const entry = this.workQueue.find(({ at }) => at <= this.now);
    if (!entry) return;
    const hasEnded = await this.#deliver(entry.message, this.results);
    if (hasEnded && !isDoubled) this.workQueue.splice(this.workQueue.indexOf(entry), 1);
  }

  async #deliver(message: WorkMessage, results: ObjectStore): Promise<boolean> {
    const life = this.#newLife();
    if ('wake' in message) return survive(life, () => this.ports(life).dispatchQueue.send({ v: 1, type: 'wake' }, this.newId('wake')));
    const delivery = { owner: this.newId('worker'), messageId: 'm', deadline: this.now + WORKER_MS };
    const lines = await this.#linesOf(message);
    let marked: number | undefined;
    const watched = life.spoil({
      ...this.ledger,
      mark: (mark: CarefulMark) => ((marked = lines[mark.ordinal]), this.ledger.mark(mark)),
      settle: (settlement: SettleRequest) => ((marked = undefined), this.ledger.settle(settlement)),
    });
    const hasEnded = await survive(life, () => processBatch(message, delivery, { ...this.ports(life), ledger: watched, results: life.spoil(results) }));
    // A worker that outlived its time-out counts as dead: its lease was over, and another may have been at work.
    const isDeath = life.isDead || this.now > delivery.deadline;
    if (isDeath && life.calls.has('claim')) for (const line of lines) add(this.deaths, line);
    if (life.isDead && marked !== undefined) add(this.markedDeaths, marked);
    return hasEnded;
  }

  async #linesOf({ run, shard, batch }: BatchMessage): Promise<number[]> {
    const record = (await this.ledger.readShard(run, shard))!;
    const key = `${record.tenant}/${run}/plan/${record.plan}/shards/${String(shard).padStart(5, '0')}.ndjson`;
    const bytes = Buffer.from(this.results.bytesOf(key)).subarray(record.offsets[batch], record.offsets[batch + 1]);
    return bytes.toString().trimEnd().split('\n').map((text) => (JSON.parse(text) as { line: number }).line);
  }

  /** Delivers one message to a worker that stops before it writes its part, and goes on when it is let go: by then its lease may be over. */
  workSlowly(): void {
    const entry = this.workQueue.find(({ at, message }) => at <= this.now && !('wake' in message));
    if (!entry) return;
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
    const ended = this.#deliver(entry.message, gated(this.results, gate));
    this.#slow.push(async () => {
      letGo();
      await ended;
    });
  }

  /** Lets every slow worker go on, and waits for its end. */
  async endSlowWorkers(): Promise<void> {
    for (const letGo of this.#slow.splice(0)) await letGo();
  }

  async sweep(): Promise<void> {
    await survive(this.#newLife(), (life) => {
      const ports = this.ports(life);
      return sweepRuns({ ...ports, admit: (open) => admitRun(open, ports), newNonce: () => this.newId('nonce'), onError: () => {} });
    });
  }

  async cancel(run: string): Promise<void> {
    await survive(this.#newLife(), (life) => stopRun(run, 'cancelled', this.ports(life)));
  }

  async pause(run: string, isPaused: boolean): Promise<void> {
    await survive(this.#newLife(), async (life) => {
      const ports = this.ports(life);
      await ports.ledger.setPaused(run, isPaused);
      await ports.dispatchQueue.send({ v: 1, type: 'heal', run }, this.newId('nonce'));
    });
  }

  /** The execution is gone, and a new one takes its place. */
  async restart(run: string): Promise<void> {
    this.executions.stop(run);
    await survive(this.#newLife(), async (life) => {
      const ports = this.ports(life);
      const record = await ports.ledger.restart(run, this.newId('execution'));
      if (record) await startExecution(record, ports);
    });
  }

  /** Without further faults, until every run has ended. @returns how many rounds of the sweep that took */
  async settle(): Promise<number> {
    this.fate = () => 'never';
    this.holds = () => false;
    await this.endSlowWorkers();
    for (let round = 0; round < 40; round++) {
      while (this.#hasWork()) {
        await this.stepExecutions();
        if (this.dispatchQueue.length > 0) await this.dispatch();
        await this.work();
      }
      if ((await this.ledger.listOpen()).length === 0) return round;
      this.now += SWEEP_EVERY_MS;
      await this.sweep();
    }
    throw new Error('expected every run to end within 40 rounds of the sweep');
  }

  /** Something can happen without time passing. */
  readonly #hasWork = (): boolean => this.dispatchQueue.length > 0 || this.executions.all().some(({ phase }) => phase !== 'await') || this.workQueue.some(({ at }) => at <= this.now);

  readonly newId = (prefix: string): string => `${prefix}-${this.#ids++}`;

  readonly #newLife = (): Life => new Life((call) => this.fate(call));

  /** What a step gets of the world; every call of it may be the step's last. */
  ports(life = new Life(() => 'never')) {
    const dispatchQueue = { send: async (message: DispatchMessage, id: string) => this.#sendDispatch(message, id) };
    const workQueues = {
      send: async (_: string, messages: readonly { message: WorkMessage; delaySeconds: number }[]) =>
        void this.workQueue.push(...messages.map(({ message, delaySeconds }) => ({ message, at: this.now + 1000 * delaySeconds }))),
    };
    const ledger = life.spoil(this.ledger);
    const processor = this.#processorOf(life);
    const ports = {
      ledger,
      findRun: ledger.readRun,
      results: life.spoil<ObjectStore>(this.results),
      manifests: life.spoil<ObjectStore>(this.manifests),
      credits: life.spoil(this.#credits),
      executions: life.spoil({ start: async (name: string, { run }: { readonly run?: unknown }) => this.executions.start(name, String(run)) }),
      taskAnswers: life.spoil({ succeedTask: async (token: string) => this.executions.answer(token) }),
      dispatchQueue: life.spoil(dispatchQueue),
      workQueues: life.spoil(workQueues),
      ...UNKNOWN_TENANTS,
      tenants: this.#tenants,
      room: life.spoil(this.#room),
      maxWaitingItemsOf: () => undefined,
      processors: [{ ...processor, creditsPerItem: CREDITS_PER_ITEM }],
      processorOf: () => processor,
      fetchPage: () => Promise.reject(new Error('no fetch in this test')),
      callApi: NO_APIS_CONFIGURED,
      limiter: UNLIMITED_CALLS,
      uploads: undefined,
      clock: () => this.now,
      sleep: async () => undefined,
      random: () => 0,
      newOwner: () => this.newId('owner'),
      newNonce: () => this.newId('plan'),
      leaseMarginMs: 10_000,
      closingMs: 10_000,
      isRecountDue: () => true,
      onError: () => {},
      signal: new AbortController().signal,
    };
    return { ...ports, leaveRoom: (run: RunRecord) => leaveRoom(run, ports), letIn: (run: PlannedRun) => letIn(run, ports), finishStop: (run: RunRecord) => finishStop(run, ports) };
  }

  #processorOf(life: Life): Processor {
    return {
      ...noop,
      process: async ({ line }) => {
        if (this.holds()) return { verdict: 'held', until: this.now + 1000 };
        add(this.effects, line);
        return this.poison.has(line) ? life.end() : { verdict: 'succeeded', output: {} };
      },
    };
  }

  #sendDispatch(message: DispatchMessage, id: string): void {
    if (this.now - (this.#seen.get(id) ?? -Infinity) < DEDUP_MS) return;
    this.#seen.set(id, this.now);
    this.dispatchQueue.push(message);
  }
}

const add = (counts: Map<number, number>, line: number): void => void counts.set(line, (counts.get(line) ?? 0) + 1);

/** Writes wait for the gate. */
function gated(store: ObjectStore, gate: Promise<void>): ObjectStore {
  return new Proxy<ObjectStore>(store, {
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
