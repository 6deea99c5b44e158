import { applyReport } from '../../shared/apply-report.ts';
import type { Pick } from '../../shared/lane-state.ts';
import { addRun, addShards, dropFinished, emptyLanes, findRun, openShard, pickBatches, setTenant, shardsOf, shardsToOpen } from '../../shared/lanes.ts';
import { limitInForce, reserve, type Limit, type LimitRecord } from '../../shared/limits.ts';
import { MAX_SHARD_BATCHES } from '../../shared/manifest/limits.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { aShard } from '../../test/support/ledger-fixtures.ts';
import type { Random } from '../random.ts';

/** A tenant and its work: everything it has comes at once. */
export interface SimTenant {
  readonly weight: number;
  /** Items of each batch. */
  readonly batches: readonly number[];
  /** What an item really takes, in milliseconds of a worker: drawn for each batch from half to one and a half of it. */
  readonly msPerItem: number;
  /** Milliseconds since the beginning. */
  readonly arrivesAt?: number;
  /** Of every item: one unit each. */
  readonly limitKey?: string;
}

export interface Scenario {
  readonly tenants: readonly SimTenant[];
  readonly workers: number;
  /** Batches in flight at most. @default two for each worker */
  readonly window?: number;
  readonly limits?: Readonly<Record<string, Limit>>;
  /** Real costs take the place of estimates when they are known. @default true */
  readonly isCorrected?: boolean;
}

/** A batch on its way. Costs are milliseconds of a worker. */
export interface SentBatch {
  readonly tenant: number;
  readonly at: number;
  readonly estimate: number;
  readonly real: number;
  readonly items: number;
}

export interface Simulated {
  readonly sent: readonly SentBatch[];
  /** When each batch was done, by tenant. */
  readonly ended: readonly { readonly tenant: number; readonly at: number; readonly cost: number }[];
  /** Limit key -> when each unit started. */
  readonly starts: ReadonlyMap<string, readonly number[]>;
  readonly endsAt: number;
  readonly window: number;
}

const CLASS = 'c';
/** The dispatcher takes at most so many reports at once, and as often as this. */
const ROUND_MS = 50;

interface Flight extends SentBatch {
  readonly pick: Pick;
}

/** Plays a scenario in virtual time: the very rules of the dispatcher and of limits, with workers that take as long as they are told to. */
export function simulate(scenario: Scenario, random: Random): Simulated {
  return new Simulation(scenario, random).play();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #window: number;
  readonly #plans: readonly (readonly (readonly number[])[])[];
  readonly #state = emptyLanes();
  /** Items of a batch that has been sent before. */
  readonly #left = new Map<string, number>();
  readonly #limits = new Map<string, LimitRecord | undefined>();
  readonly #sent: SentBatch[] = [];
  readonly #ended: { tenant: number; at: number; cost: number }[] = [];
  readonly #starts = new Map<string, number[]>();
  readonly #queue: Flight[] = [];
  #reports: { readonly at: number; readonly apply: () => void }[] = [];
  readonly #freeAt: number[];
  readonly #arrivals: { readonly tenant: number; readonly arrivesAt: number }[];
  #now = 0;

  constructor(scenario: Scenario, random: Random) {
    const { tenants, workers, window = 2 * workers } = scenario;
    this.#scenario = scenario;
    this.#random = random;
    this.#window = window;
    this.#plans = tenants.map(({ batches }) => cut(batches));
    this.#freeAt = Array.from({ length: workers }, () => 0);
    this.#arrivals = tenants.map(({ arrivesAt = 0 }, tenant) => ({ tenant, arrivesAt })).toSorted((a, b) => a.arrivesAt - b.arrivesAt);
  }

  play(): Simulated {
    for (;;) {
      this.#arrive();
      this.#dispatch();
      this.#startBatches();
      const next = this.#nextMoment();
      if (next === undefined) return { sent: this.#sent, ended: this.#ended, starts: this.#starts, endsAt: this.#now, window: this.#window };
      this.#now = next;
      this.#report();
    }
  }

  #arrive(): void {
    while (this.#arrivals[0] && this.#arrivals[0].arrivesAt <= this.#now) {
      const { tenant } = this.#arrivals.shift()!;
      const run = addRun(this.#state, { tenant: `t${tenant}`, run: `r${tenant}`, workerClass: CLASS, processor: 'p' });
      setTenant(this.#state, `t${tenant}`, tenantSettingsSchema.parse({ weight: this.#scenario.tenants[tenant]!.weight }));
      addShards(run, this.#plans[tenant]!.map((_, n) => n));
    }
  }

  #dispatch(): void {
    const windows = { [CLASS]: this.#window };
    for (const { run, shard } of shardsToOpen(this.#state, windows, this.#now)) openShard(findRun(this.#state, run)!, this.#shardOf(run, shard), this.#now);
    for (const pick of pickBatches(this.#state, windows, this.#now)) {
      const tenant = Number(pick.run.slice(1));
      const entry = findRun(this.#state, pick.run)!.shards[pick.shard]!.e[pick.batch];
      const items = this.#left.get(idOf(pick)) ?? this.#plans[tenant]![pick.shard]![pick.batch]!;
      const real = Math.max(1, items * this.#scenario.tenants[tenant]!.msPerItem * (0.5 + this.#random()));
      const batch: SentBatch = { tenant, at: this.#now, estimate: entry?.s === 'flight' ? (entry.c ?? 0) : 0, real, items };
      this.#sent.push(batch);
      this.#queue.push({ ...batch, pick });
    }
  }

  #shardOf(run: string, shard: number) {
    const tenant = Number(run.slice(1));
    const sizes = this.#plans[tenant]![shard]!;
    const { limitKey } = this.#scenario.tenants[tenant]!;
    return { ...aShard(sizes, { run, tenant: `t${tenant}`, shard }), ...(limitKey !== undefined && { keys: [[limitKey, sizes.length] as const] }) };
  }

  #startBatches(): void {
    for (let worker = this.#freeWorker(); worker !== -1 && this.#queue.length > 0; worker = this.#freeWorker()) this.#work(this.#queue.shift()!, worker);
  }

  #freeWorker(): number {
    return this.#freeAt.findIndex((at) => at <= this.#now);
  }

  #work({ pick, tenant, items, real }: Flight, worker: number): void {
    const { limitKey } = this.#scenario.tenants[tenant]!;
    const { done, until, endsAt } = this.#startItems(limitKey, items);
    const took = Math.max(1, endsAt - this.#now + (real * done) / items);
    const at = this.#now + took;
    this.#freeAt[worker] = at;
    this.#left.set(idOf(pick), items - done);
    const { run, shard, batch, q } = pick;
    const { isCorrected = true } = this.#scenario;
    const report = { run, shard, batch, q: q + 1, isDone: items === done, until: until ?? at, rows: done, left: items - done, ...(isCorrected && { tookMs: took }), ...(until !== undefined && limitKey !== undefined && { heldBy: limitKey }) };
    this.#reports.push({
      at,
      apply: () => {
        this.#ended.push({ tenant, at, cost: took });
        applyReport(this.#state, report, { [CLASS]: this.#window }, this.#now);
      },
    });
  }

  /** @returns how many items started, when the last one did, and when the rest may if a limit holds it */
  #startItems(key: string | undefined, items: number): { readonly done: number; readonly until?: number; readonly endsAt: number } {
    const limit = key === undefined ? undefined : this.#scenario.limits?.[key];
    let endsAt = this.#now;
    if (key === undefined || !limit) return { done: items, endsAt };
    const starts = this.#starts.get(key) ?? [];
    this.#starts.set(key, starts);
    for (let done = 0; done < items; done++) {
      const record = this.#limits.get(key);
      const { answer, record: after } = reserve(record, limitInForce(record, limit), { units: 1, nowUs: Math.ceil(endsAt * 1000) });
      this.#limits.set(key, after);
      if (answer.kind === 'refused') return { done, until: Math.ceil(answer.comeBackAtUs / 1000), endsAt };
      endsAt = Math.max(endsAt, answer.startsUs[0]! / 1000);
      starts.push(endsAt);
    }
    return { done: items, endsAt };
  }

  /** When something changes next: a round of reports, an arrival, a worker, or the end of what work waits for. */
  #nextMoment(): number | undefined {
    const firstReport = this.#reports.reduce((first, { at }) => Math.min(first, at), Infinity);
    const round = Math.max(firstReport, Math.min(firstReport + ROUND_MS, this.#now + ROUND_MS));
    const free = this.#queue.length > 0 ? this.#freeAt.reduce((first, at) => Math.min(first, at), Infinity) : Infinity;
    const moments = [round, this.#arrivals[0]?.arrivesAt ?? Infinity, free, ...(this.#reports.length > 0 ? [] : this.#waits())];
    const next = moments.reduce((first, at) => (at > this.#now ? Math.min(first, at) : first), Infinity);
    return Number.isFinite(next) ? next : undefined;
  }

  /** Ends of what the dispatcher waits for. */
  #waits(): number[] {
    const entries = shardsOf(this.#state).flatMap(({ shard }) => Object.values(shard.e));
    return [...Object.values(this.#state.limits ?? {}).map(({ until }) => until), ...entries.flatMap((entry) => (entry.s === 'wait' ? [entry.until] : []))];
  }

  #report(): void {
    const due = this.#reports.filter(({ at }) => at <= this.#now).toSorted((a, b) => a.at - b.at);
    if (due.length === 0) return;
    this.#reports = this.#reports.filter(({ at }) => at > this.#now);
    for (const { apply } of due) apply();
    dropFinished(this.#state);
  }
}

const idOf = ({ run, shard, batch }: Pick): string => `${run}/${shard}/${batch}`;

/** At most 32 batches a shard. */
function cut(batches: readonly number[]): number[][] {
  return Array.from({ length: Math.ceil(batches.length / MAX_SHARD_BATCHES) }, (_, n) => batches.slice(n * MAX_SHARD_BATCHES, (n + 1) * MAX_SHARD_BATCHES));
}
