import { applyReport } from '../../shared/apply-report.ts';
import { createRandom, type Random } from '../../bench/random.ts';
import { groupWeightOf, weightOf } from '../../shared/fairness/class-queue.ts';
import type { Lane, Pick } from '../../shared/lane-state.ts';
import { addRun, addShards, dropFinished, emptyLanes, findRun, inFlight, openShard, pickBatches, setTenant } from '../../shared/lanes.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { aShard } from './ledger-fixtures.ts';

export interface FairTenant {
  readonly weight: number;
  readonly cap?: number | undefined;
  /** Milliseconds an item: what the dispatcher expects. */
  readonly pace: number;
  /** Real cost over estimate. */
  readonly error: number;
  readonly groups?: Readonly<Record<string, number>>;
  readonly maxPerGroupRound?: number;
}

export interface Sent extends Pick {
  readonly tenant: number;
  readonly items: number;
  readonly group: string;
  readonly estimate: number;
  readonly real: number;
}

const CLASS = 'c';
const BATCHES = 8;

/** Tenants with endless work before the very rules of the dispatcher; one pick at a time, so that every moment can be looked at. */
export class FairWorld {
  readonly state = emptyLanes();
  readonly random: Random;
  readonly tenants: readonly FairTenant[];
  readonly flights: Sent[] = [];
  readonly #largest: number;
  #shards = 0;
  now = 1;

  constructor(tenants: readonly FairTenant[], { seed, largest }: { readonly seed: number; readonly largest: number }) {
    this.random = createRandom(seed);
    this.tenants = tenants;
    this.#largest = largest;
    for (const [i, { weight, cap, pace, groups, maxPerGroupRound }] of tenants.entries()) {
      addRun(this.state, { tenant: `t${i}`, run: `r${i}`, workerClass: CLASS, processor: 'p' });
      setTenant(this.state, `t${i}`, tenantSettingsSchema.parse({ weight, ...(cap && { maxInFlight: cap }), ...(groups && { groupWeights: groups }), ...(maxPerGroupRound && { maxPerGroupRound }) }));
      this.laneOf(i).pace = { p: pace };
    }
  }

  laneOf = (i: number): Lane => this.state.lanes.find(({ tenant }) => tenant === `t${i}`)!;
  hold = (i: number, isHeld: boolean): void => void (findRun(this.state, `r${i}`)!.isHeld = isHeld);
  isHeld = (i: number): boolean => findRun(this.state, `r${i}`)!.isHeld === true;
  inFlightOf = (i: number): number => this.flights.filter(({ tenant }) => tenant === i).length;
  isCapped = (i: number): boolean => this.inFlightOf(i) >= (this.tenants[i]!.cap ?? Infinity);
  isAway = (i: number): boolean => this.laneOf(i).shares?.[CLASS]?.away === true;

  /** Every tenant has more than it can send at once, of each of its groups. */
  #fill(): void {
    for (const [i, { groups }] of this.tenants.entries()) {
      const run = findRun(this.state, `r${i}`)!;
      for (const group of Object.keys(groups ?? { '': 1 })) {
        const open = Object.values(run.shards).filter((shard) => (shard.g?.[0]?.[0] ?? '') === group && shard.next < shard.n);
        if (open.length >= 2) continue;
        const shard = this.#shards++;
        const sizes = Array.from({ length: BATCHES }, () => 1 + Math.floor(this.random() * this.#largest));
        addShards(run, [shard]);
        openShard(run, { ...aShard(sizes, { run: run.run, tenant: `t${i}`, shard }), ...(group !== '' && { groups: [[group, BATCHES]] }) }, this.now);
      }
    }
  }

  /** @returns undefined if the window is full or nobody may send */
  pickOne(window: number): Sent | undefined {
    this.#fill();
    if (inFlight(this.state, CLASS) >= window) return undefined;
    const [pick] = pickBatches(this.state, { [CLASS]: inFlight(this.state, CLASS) + 1 }, this.now);
    if (!pick) return undefined;
    const tenant = Number(pick.run.slice(1));
    const shard = findRun(this.state, pick.run)!.shards[pick.shard]!;
    const entry = shard.e[pick.batch]!;
    const estimate = entry.s === 'flight' ? entry.c! : NaN;
    const { error, pace } = this.tenants[tenant]!;
    const sent: Sent = { ...pick, tenant, group: shard.g?.[0]?.[0] ?? '', items: estimate / pace, estimate, real: Math.max(1, estimate * error) };
    this.flights.push(sent);
    return sent;
  }

  /** One of the batches in flight ends, any of them. */
  endOne(isCorrected: boolean): void {
    const [ended] = this.flights.splice(Math.floor(this.random() * this.flights.length), 1);
    if (!ended) return;
    this.now++;
    const { run, shard, batch, q, real } = ended;
    applyReport(this.state, { run, shard, batch, q: q + 1, isDone: true, until: this.now, rows: 0, left: 0, ...(isCorrected && { tookMs: real }) }, {}, this.now);
    dropFinished(this.state);
  }

  weightOf = (i: number): number => weightOf(this.laneOf(i));
  groupWeightOf = (i: number, group: string): number => groupWeightOf(this.laneOf(i), group);
}
