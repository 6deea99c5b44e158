import type { ClassState, Lane, LaneRun, LaneShard, LaneState, Pick, Share } from '../lane-state.ts';
import { PRIORITIES } from '../manifest/common-options.ts';
import { valueAt } from '../runs.ts';
import { isBlocked } from './contended-limits.ts';
import { estimateCost } from './costs.ts';
import type { Flights } from './flights.ts';
import { serve, startTag, type Tag } from './tags.ts';

/** A batch that may be sent now. */
interface Candidate {
  readonly run: LaneRun;
  readonly n: number;
  readonly shard: LaneShard;
  readonly batch: number;
  readonly q: number;
  readonly items: number;
  readonly key: string;
  readonly group: string;
}

/** A lane as one worker class sees it. */
interface Place {
  readonly lane: Lane;
  readonly share: Share;
  /** Undefined: none of its work may be sent now. */
  next: Candidate | undefined;
}

/** Shards of a run that are looked at ahead, for work that no limit holds. */
const SHARDS_AHEAD = 8;

/** Picks the batches of one worker class by start-time fair queueing: tenants first, then a tenant's groups, priorities between. */
export class ClassQueue {
  readonly #state: LaneState;
  readonly #class: ClassState;
  readonly #workerClass: string;
  readonly #flights: Flights;
  readonly #now: number;
  readonly #places: readonly Place[];

  constructor(state: LaneState, workerClass: string, { flights, now }: { readonly flights: Flights; readonly now: number }) {
    this.#state = state;
    this.#workerClass = workerClass;
    this.#class = classOf(state, workerClass);
    this.#flights = flights;
    this.#now = now;
    const lanes = state.lanes.filter(({ runs }) => runs.some((run) => run.workerClass === workerClass));
    this.#places = lanes.map((lane) => ({ lane, share: shareOf(lane, workerClass), next: this.#find(lane) }));
    for (const place of this.#places) this.#noteAbsence(place);
  }

  /** @returns undefined if nothing may be sent now */
  pick(): Pick | undefined {
    const place = this.#choose();
    if (!place) return undefined;
    const pick = this.#send(place, place.next!);
    place.next = this.#find(place.lane);
    this.#noteAbsence(place);
    return pick;
  }

  /** Call it after the last pick: a limit or cap may have been reached since a lane was looked at. */
  end(): void {
    for (const place of this.#places) {
      if (place.next && !this.#maySend(place.lane, place.next)) place.next = this.#find(place.lane);
      this.#noteAbsence(place);
    }
  }

  /** The first unopened shard of each lane that may be picked soon and has less than `free` batches ready. */
  wanted(free: number): { run: string; shard: number }[] {
    const waiting = this.#places.filter(({ lane, next }) => next !== undefined || this.#firstUnopened(lane) !== undefined);
    const v = this.#v();
    const soon = waiting.toSorted((a, b) => startTag(a.share, v) - startTag(b.share, v)).slice(0, free);
    return soon.flatMap(({ lane }) => {
      const run = this.#firstUnopened(lane);
      return run && this.#countReady(lane, free) < free ? [{ run: run.run, shard: Number.parseInt(run.pristine, 10) }] : [];
    });
  }

  /** Never ahead of everybody who is here: corrections may have put all of them back. */
  #v(): number {
    const here = this.#places.filter(({ share, next }) => next && !share.away).map(({ share }) => share.f);
    return Math.min(this.#class.v, ...here);
  }

  #choose(): Place | undefined {
    const v = this.#v();
    let best: Place | undefined;
    for (const place of this.#places) {
      if (place.next && !this.#maySend(place.lane, place.next)) place.next = this.#find(place.lane);
      if (place.next && (!best || startTag(place.share, v) < startTag(best.share, v))) best = place;
    }
    return best;
  }

  #send({ lane, share }: Place, { run, n, shard, batch, q, items, key, group }: Candidate): Pick {
    const cost = estimateCost(lane, this.#class, run.processor ?? '', items);
    this.#class.v = Math.max(this.#class.v, serve(share, { v: this.#v(), cost, weight: weightOf(lane) }));
    if (share.groups || group !== '') serveGroup(lane, share, { group, cost, items });
    materialise(shard, batch + 1);
    shard.e[batch] = { s: 'flight', q, since: this.#now, c: cost };
    this.#flights.add({ tenant: lane.tenant, run: run.run, key });
    return { workerClass: this.#workerClass, run: run.run, shard: n, batch, q };
  }

  /** Idle, capped, or everything deferred. Unopened shards are work, as long as they may be sent. */
  #noteAbsence({ lane, share, next }: Place): void {
    if (!next && !this.#firstUnopened(lane)) share.away = true;
  }

  #maySend(lane: Lane, { run, key }: Candidate): boolean {
    return this.#hasRoom(lane) && this.#hasRunRoom(lane, run) && !isBlocked(this.#state.limits?.[key], this.#flights.ofKey(key), this.#now);
  }

  readonly #hasRoom = ({ tenant, settings }: Lane): boolean => this.#flights.ofTenant(tenant) < (settings?.maxInFlight ?? Infinity);
  readonly #hasRunRoom = ({ settings }: Lane, { run }: LaneRun): boolean => this.#flights.ofRun(run) < (settings?.maxInFlightPerRun ?? Infinity);

  #runsOf(lane: Lane): LaneRun[] {
    if (!this.#hasRoom(lane)) return [];
    return lane.runs.filter((run) => run.workerClass === this.#workerClass && !run.isHeld && this.#hasRunRoom(lane, run));
  }

  #firstUnopened(lane: Lane): LaneRun | undefined {
    return this.#runsOf(lane).find((run) => run.pristine !== '' && countUnsent(run) < SHARDS_AHEAD);
  }

  #find(lane: Lane): Candidate | undefined {
    const runs = this.#runsOf(lane);
    for (const level of PRIORITIES) {
      const groups = new Map<string, Candidate>();
      for (const run of runs) if ((run.priority ?? 'normal') === level) this.#addFirstOfGroups(groups, run);
      if (groups.size > 0) return this.#chooseGroup(lane, groups);
    }
    return undefined;
  }

  #addFirstOfGroups(groups: Map<string, Candidate>, run: LaneRun): void {
    for (const [n, shard] of Object.entries(run.shards)) {
      for (const { batch, q, items } of readyBatches(shard)) {
        const [key, group] = [valueAt(shard.k, batch), valueAt(shard.g, batch)];
        if (groups.has(group) || isBlocked(this.#state.limits?.[key], this.#flights.ofKey(key), this.#now)) continue;
        groups.set(group, { run, n: Number(n), shard, batch, q, items, key, group });
        if (!shard.g) break;
      }
    }
  }

  #chooseGroup(lane: Lane, groups: ReadonlyMap<string, Candidate>): Candidate {
    const share = shareOf(lane, this.#workerClass);
    if (share.groups) for (const [name, tag] of Object.entries(share.groups)) if (!groups.has(name)) leaveGroup(share, name, tag);
    const all = [...groups.values()];
    const fitting = all.filter(({ group, items }) => fitsRound(lane, share.groups?.[group]?.r ?? 0, items));
    const startOf = ({ group }: Candidate): number => startTag(share.groups?.[group] ?? NEW_GROUP, share.gv ?? 0);
    return (fitting.length > 0 ? fitting : all).reduce((a, b) => (startOf(b) < startOf(a) ? b : a));
  }

  #countReady(lane: Lane, enough: number): number {
    let count = 0;
    for (const run of this.#runsOf(lane)) {
      for (const shard of Object.values(run.shards)) {
        for (const { batch } of readyBatches(shard)) {
          const key = valueAt(shard.k, batch);
          if (!isBlocked(this.#state.limits?.[key], this.#flights.ofKey(key), this.#now) && ++count >= enough) return count;
        }
      }
    }
    return count;
  }
}

const NEW_GROUP: Tag = { f: 0, away: true };

export const weightOf = ({ settings }: Lane): number => settings?.weight ?? 1;
export const groupWeightOf = ({ settings }: Lane, group: string): number => settings?.groupWeights?.[group] ?? 1;

export const classOf = (state: LaneState, workerClass: string): ClassState => ((state.classes ??= {})[workerClass] ??= { v: 0 });

/** A lane without a share was away. */
export const shareOf = (lane: Lane, workerClass: string): Share => ((lane.shares ??= {})[workerClass] ??= { f: 0, away: true });

const fitsRound = ({ settings }: Lane, served: number, items: number): boolean => served === 0 || served + items <= (settings?.maxPerGroupRound ?? Infinity);

/** One that leads, or had its turn in this round, keeps its tag: it can't come back with a new one. */
function leaveGroup(share: Share, name: string, tag: Tag & { r?: number }): void {
  tag.away = true;
  if (tag.r === undefined && tag.f <= (share.gv ?? 0)) delete share.groups![name];
}

/** A group that does not fit its round is only chosen when none does: then a new round begins. */
function serveGroup(lane: Lane, share: Share, { group, cost, items }: { readonly group: string; readonly cost: number; readonly items: number }): void {
  const groups: NonNullable<Share['groups']> = (share.groups ??= {});
  const tag = (groups[group] ??= { ...NEW_GROUP });
  const v = share.gv ?? 0;
  share.gv = Math.max(v, serve(tag, { v, cost, weight: groupWeightOf(lane, group) }));
  if (lane.settings?.maxPerGroupRound === undefined) return;
  if (!fitsRound(lane, tag.r ?? 0, items)) for (const other of Object.values(groups)) delete other.r;
  tag.r = (tag.r ?? 0) + items;
}

interface ReadyBatch {
  readonly batch: number;
  readonly q: number;
  readonly items: number;
}

/** What came back first, then what was never sent. */
function* readyBatches(shard: LaneShard): Generator<ReadyBatch> {
  for (const [k, entry] of Object.entries(shard.e)) if (entry.s === 'ready') yield { batch: Number(k), q: entry.q, items: entry.i ?? sizeOf(shard, Number(k)) };
  for (let batch = shard.next; batch < shard.n; batch++) yield { batch, q: 0, items: sizeOf(shard, batch) };
}

const UNKNOWN_ITEMS = 100;

/** Items of a batch that nobody has worked on. */
export function sizeOf({ i = [] }: LaneShard, batch: number): number {
  let end = 0;
  for (const [items, batches] of i) if (batch < (end += batches)) return items;
  return UNKNOWN_ITEMS;
}

/** Gives batches before `limit` entries of their own, so that one of them can be changed. */
export function materialise(shard: LaneShard, limit: number): void {
  for (; shard.next < limit; shard.next++) shard.e[shard.next] = { s: 'ready', q: 0 };
}

const countUnsent = ({ shards }: LaneRun): number => Object.values(shards).filter((shard) => shard.next < shard.n || Object.values(shard.e).some(({ s }) => s === 'ready')).length;
