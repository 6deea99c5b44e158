import { rateAt } from './fairness/costs.ts';
import { startTag } from './fairness/tags.ts';
import { isBlocked } from './fairness/contended-limits.ts';
import { Flights } from './fairness/flights.ts';
import { weightOf } from './fairness/class-queue.ts';
import { windowOf } from './fairness/worker-window.ts';
import type { ClassState, Lane, LaneRun, LaneShard, LaneState } from './lane-state.ts';
import { findRun, inFlight } from './lanes.ts';
import { countOrdinals } from './ordinals.ts';
import { valueAt } from './runs.ts';

/** Read model of the dispatcher's state: `docs/read-model.md`. All of it is a moment's, and begins anew when the lanes are lost. */

/** A limit that holds work of a run back. `until` is milliseconds since the epoch; not before it begins any of that work. */
export interface RunWait {
  readonly limit: string;
  readonly until: number;
}

export interface QueueClass {
  /** Batches that may be in flight, and that are. */
  readonly window: number;
  readonly inFlight: number;
  /** Over about half a minute. */
  readonly itemsPerSecond: number;
}

export interface QueueTenant {
  readonly tenant: string;
  readonly weight: number;
  readonly runs: number;
  readonly inFlight: number;
  /** Opened batches that are ready or deferred, and shards that nobody has looked at yet. */
  readonly waitingBatches: number;
  readonly unopenedShards: number;
  /** Milliseconds of workers that it got a second, over about half a minute; and its share of what all tenants got, 0 to 1. */
  readonly serviceMsPerSecond: number;
  readonly share: number;
  /** How far it is ahead of virtual time, in milliseconds of a worker at weight 1: whoever has the least is next. */
  readonly lagMs: number;
  readonly waits: readonly RunWait[];
}

export interface QueueDescription {
  readonly classes: Readonly<Record<string, QueueClass>>;
  readonly tenants: readonly QueueTenant[];
}

export function describeQueue(state: LaneState, now: number): QueueDescription {
  const classes = Object.entries(state.classes ?? {}).map(([name, known]) => [name, describeClass(state, name, known, now)] as const);
  const flights = new Flights(state);
  const services = state.lanes.map(serviceOf(now));
  const all = services.reduce((sum, service) => sum + service, 0);
  const tenants = state.lanes.map((lane, i) => ({ ...describeLane(state, lane, flights, now), serviceMsPerSecond: services[i]!, share: all > 0 ? services[i]! / all : 0 }));
  return { classes: Object.fromEntries(classes), tenants: tenants.toSorted((a, b) => a.lagMs - b.lagMs) };
}

const describeClass = (state: LaneState, name: string, known: ClassState, now: number): QueueClass => ({
  window: windowOf(known, known.max ?? 0),
  inFlight: inFlight(state, name),
  itemsPerSecond: rateAt(known.items, now),
});

const serviceOf = (now: number) => ({ shares = {} }: Lane): number => Object.values(shares).reduce((sum, { service }) => sum + rateAt(service, now), 0);

function describeLane(state: LaneState, lane: Lane, flights: Flights, now: number): Omit<QueueTenant, 'serviceMsPerSecond' | 'share'> {
  const { tenant, runs, shares = {} } = lane;
  const shards = runs.flatMap((run) => Object.values(run.shards));
  const leads = Object.entries(shares).map(([name, share]) => startTag(share, state.classes?.[name]?.v ?? 0) - (state.classes?.[name]?.v ?? 0));
  return {
    tenant,
    weight: weightOf(lane),
    runs: runs.length,
    inFlight: flights.ofTenant(tenant),
    waitingBatches: shards.reduce((sum, shard) => sum + shard.n - shard.next + Object.values(shard.e).filter(({ s }) => s !== 'flight').length, 0),
    unopenedShards: runs.reduce((sum, { pristine }) => sum + countOrdinals(pristine), 0),
    lagMs: Math.max(0, ...leads),
    waits: joinWaits(runs.flatMap((run) => waitsOfRun(state, run, { flights, now }))),
  };
}

/** What a run waits for, the first to end first; one entry a limit. */
export function waitsOf(state: LaneState, run: string, now: number): RunWait[] {
  const found = findRun(state, run);
  return found ? joinWaits(waitsOfRun(state, found, { flights: new Flights(state), now })) : [];
}

/** Batches that wait for each limit. */
export function countWaiting(state: LaneState, now: number): Map<string, number> {
  const counts = new Map<string, number>();
  const flights = new Flights(state);
  for (const { limit } of state.lanes.flatMap(({ runs }) => runs.flatMap((run) => waitsOfRun(state, run, { flights, now })))) counts.set(limit, (counts.get(limit) ?? 0) + 1);
  return counts;
}

interface Look {
  readonly flights: Flights;
  readonly now: number;
}

const waitsOfRun = (state: LaneState, { shards }: LaneRun, look: Look): RunWait[] => Object.values(shards).flatMap((shard) => waitsOfShard(state, shard, look));

/** One entry a batch: deferred ones, and those that are ready but whose limit others have used up. */
function waitsOfShard(state: LaneState, shard: LaneShard, { flights, now }: Look): RunWait[] {
  const waits: RunWait[] = [];
  for (let batch = 0; batch < shard.n; batch++) {
    const entry = shard.e[batch];
    const key = valueAt(shard.k, batch);
    const limit = state.limits?.[key];
    if (entry?.s === 'wait' && entry.until > now) waits.push({ limit: entry.by ?? (key === '' ? 'a limit' : key), until: entry.until });
    else if ((entry?.s === 'ready' || (!entry && batch >= shard.next)) && limit && isBlocked(limit, flights.ofKey(key), now)) waits.push({ limit: limit.by ?? key, until: Math.max(limit.until, now) });
  }
  return waits;
}

function joinWaits(waits: readonly RunWait[]): RunWait[] {
  const first = new Map<string, number>();
  for (const { limit, until } of waits) first.set(limit, Math.min(first.get(limit) ?? Infinity, until));
  return [...first].map(([limit, until]) => ({ limit, until })).toSorted((a, b) => a.until - b.until);
}
