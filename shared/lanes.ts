import { isBatchDone, isLeased } from './batch-state.ts';
import { ClassQueue, classOf } from './fairness/class-queue.ts';
import { forgetOld } from './fairness/contended-limits.ts';
import { Flights } from './fairness/flights.ts';
import { windowOf } from './fairness/worker-window.ts';
import type { EndedRun, LaneEntry, LaneRun, LaneShard, LaneState, Pick } from './lane-state.ts';
import type { Priority } from './manifest/common-options.ts';
import { countOrdinals, formatOrdinals, parseOrdinals } from './ordinals.ts';
import type { ShardRecord } from './records.ts';
import type { TenantSettings } from './tenant-settings.ts';

/** What becomes of the lanes: pure, state and events in, decisions out. Whose turn it is: `shared/fairness/`. Against the ledger: `heal-lanes.ts`. */

/** SQS: DelaySeconds is at most 900. */
export const LONGEST_DELAY_MS = 900_000;

export const emptyLanes = (): LaneState => ({ v: 1, lanes: [], wakeAt: 0 });

export const findRun = (state: LaneState, run: string): LaneRun | undefined =>
  state.lanes.flatMap((lane) => lane.runs).find((known) => known.run === run);

/** 5,000 runs with a shard open each are a record of 300 KB; DynamoDB takes 400. */
const MOST_RUNS = 5000;

export const isFull = (state: LaneState): boolean => state.lanes.reduce((sum, { runs }) => sum + runs.length, 0) >= MOST_RUNS;

/** What is remembered of earlier runs; what was learned since beats it. */
export function setPace(state: LaneState, { tenant, processor, msPerItem }: EndedRun): void {
  const lane = state.lanes.find((candidate) => candidate.tenant === tenant);
  if (lane) lane.pace = { [processor]: msPerItem, ...lane.pace };
}

export interface NewRun {
  readonly tenant: string;
  readonly run: string;
  readonly workerClass: string;
  readonly processor?: string;
  readonly priority?: Priority | undefined;
}

/** What an operator set for the tenant holds from now on. */
export function setTenant(state: LaneState, tenant: string, settings: TenantSettings): void {
  const lane = state.lanes.find((candidate) => candidate.tenant === tenant);
  if (lane) lane.settings = settings;
}

/** Makes room for a run; one that is known stays as it is. */
export function addRun(state: LaneState, { tenant, run, workerClass, processor, priority }: NewRun): LaneRun {
  const known = findRun(state, run);
  if (known) return known;
  let lane = state.lanes.find((candidate) => candidate.tenant === tenant);
  if (!lane) state.lanes.push((lane = { tenant, runs: [] }));
  const added: LaneRun = { run, workerClass, ...(processor !== undefined && { processor }), ...(priority !== undefined && { priority }), pristine: '', shards: {} };
  lane.runs.push(added);
  return added;
}

/** Notes shards to be looked at when their turn comes. */
export function addShards(run: LaneRun, shards: readonly number[]): void {
  const fresh = shards.filter((shard) => !run.shards[shard]);
  if (fresh.length === 0) return;
  const all = new Set([...parseOrdinals(run.pristine), ...fresh]);
  run.pristine = formatOrdinals([...all].sort((a, b) => a - b));
}

/** Takes a shard's open batches from the ledger; a batch under a lease takes a slot at once. A shard that is open already stays. */
export function openShard(run: LaneRun, record: ShardRecord, now: number): void {
  run.pristine = formatOrdinals(parseOrdinals(run.pristine).filter((shard) => shard !== record.shard));
  if (run.shards[record.shard] || record.nd >= record.n) return;
  const touched = Object.values(record.b).some((batch) => batch.q > 0 || batch.u > 0);
  const { n, keys: k, groups: g } = record;
  const shard: LaneShard = { n, next: touched ? n : 0, e: {}, i: sizesInRuns(record.sizes), ...(k && { k }), ...(g && { g }) };
  if (touched) for (const [batch, state] of Object.entries(record.b)) {
    if (isBatchDone(state)) continue;
    const i = countOrdinals(state.l);
    shard.e[batch] = isLeased(state, now) ? { s: 'flight', q: state.q, since: now, i } : { s: 'ready', q: state.q, i };
  }
  run.shards[record.shard] = shard;
}

function sizesInRuns(sizes: readonly number[]): [items: number, batches: number][] {
  const runs: [number, number][] = [];
  for (const size of sizes) {
    const last = runs.at(-1);
    if (last?.[0] === size) last[1]++;
    else runs.push([size, 1]);
  }
  return runs;
}

/**
 * What must be read before `pickBatches` can fill the window: for each class with free slots, the next pristine shards of lanes whose turn comes
 * soon. Ask again after opening them.
 */
export function shardsToOpen(state: LaneState, windows: Readonly<Record<string, number>>, now = 0): { run: string; shard: number }[] {
  endWaits(state, now);
  const flights = new Flights(state);
  return freeSlots(state, windows).flatMap(([workerClass, free]) => (free > 0 ? new ClassQueue(state, workerClass, { flights, now }).wanted(free) : []));
}

/** Fills the free slots of every class. */
export function pickBatches(state: LaneState, windows: Readonly<Record<string, number>>, now: number): Pick[] {
  endWaits(state, now);
  const flights = new Flights(state);
  forgetOld(state.limits ?? {}, flights.ofKey, now);
  return freeSlots(state, windows).flatMap(([workerClass, free]) => {
    const queue = new ClassQueue(state, workerClass, { flights, now });
    classOf(state, workerClass).max = windows[workerClass]!;
    const picks: Pick[] = [];
    while (picks.length < free) {
      const pick = queue.pick();
      if (!pick) break;
      picks.push(pick);
    }
    queue.end();
    return picks;
  });
}

/** When the dispatcher must be woken for what waits, or undefined if nothing waits or a wake is under way in time. Notes it. */
export function planWake(state: LaneState, now: number): number | undefined {
  const deferred = shardsOf(state).flatMap(({ shard }) => Object.values(shard.e).flatMap((entry) => (entry.s === 'wait' ? [entry.until] : [])));
  const limited = state.lanes.length > 0 ? Object.values(state.limits ?? {}).flatMap(({ until }) => (until > now ? [until] : [])) : [];
  const waits = [...deferred, ...limited];
  if (waits.length === 0) return undefined;
  const at = Math.min(...waits, now + LONGEST_DELAY_MS);
  if (state.wakeAt > now && state.wakeAt <= at) return undefined;
  state.wakeAt = at;
  return at;
}

/** Forgets shards, runs and lanes in which nothing is left. */
export function dropFinished(state: LaneState): EndedRun[] {
  const ended: EndedRun[] = [];
  for (const lane of state.lanes) {
    for (const run of lane.runs) {
      for (const [n, shard] of Object.entries(run.shards)) {
        if (shard.next >= shard.n && Object.keys(shard.e).length === 0) delete run.shards[n];
      }
    }
    const [left, over] = partition(lane.runs, (run) => run.pristine !== '' || Object.keys(run.shards).length > 0);
    lane.runs.splice(0, lane.runs.length, ...left);
    for (const { processor } of over) {
      const msPerItem = processor === undefined ? undefined : lane.pace?.[processor];
      if (processor !== undefined && msPerItem !== undefined) ended.push({ tenant: lane.tenant, processor, msPerItem });
    }
  }
  for (const workerClass of Object.keys(state.classes ?? {})) dropShares(state, workerClass);
  state.lanes = state.lanes.filter((lane) => lane.runs.length > 0 || Object.keys(lane.shares ?? {}).length > 0);
  return ended;
}

const partition = <T>(values: readonly T[], isFirst: (value: T) => boolean): [T[], T[]] => [values.filter(isFirst), values.filter((value) => !isFirst(value))];

/** So that numbers keep their precision. */
const RENORMALISE_FROM = 1e9;

/** A lane without work needs its tag only while it leads; when nobody has work all begin anew. */
function dropShares(state: LaneState, workerClass: string): void {
  const ofClass = classOf(state, workerClass);
  const isBusy = state.lanes.some(({ runs }) => runs.some((run) => run.workerClass === workerClass));
  for (const { runs, shares = {} } of state.lanes) {
    const share = shares[workerClass];
    const isIdle = !runs.some((run) => run.workerClass === workerClass);
    if (share && isIdle && (!isBusy || share.f <= ofClass.v)) delete shares[workerClass];
  }
  const base = isBusy ? ofClass.v : 0;
  if (!isBusy) ofClass.v = 0;
  if (base < RENORMALISE_FROM) return;
  for (const { shares = {} } of state.lanes) if (shares[workerClass]) shares[workerClass].f -= base;
  ofClass.v = 0;
}

/** Batches in flight of a class. */
export const inFlight = (state: LaneState, workerClass: string): number =>
  shardsOf(state)
    .filter(({ run }) => run.workerClass === workerClass)
    .reduce((sum, { shard }) => sum + Object.values(shard.e).filter(({ s }) => s === 'flight').length, 0);

const freeSlots = (state: LaneState, windows: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(windows).map(([workerClass, window]) => [workerClass, windowOf(state.classes?.[workerClass], window) - inFlight(state, workerClass)]);

function endWaits(state: LaneState, now: number): void {
  for (const { shard } of shardsOf(state)) {
    for (const [k, entry] of Object.entries(shard.e)) if (entry.s === 'wait' && entry.until <= now) shard.e[k] = ready(entry.q, entry.i);
  }
}

export const shardsOf = (state: LaneState) =>
  state.lanes.flatMap((lane) => lane.runs.flatMap((run) => Object.entries(run.shards).map(([n, shard]) => ({ run, n: Number(n), shard }))));

export const ready = (q: number, i: number | undefined): LaneEntry & { readonly s: 'ready' } => ({ s: 'ready', q, ...(i !== undefined && { i }) });
