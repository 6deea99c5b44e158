import { isBatchDone, isLeased } from './batch-state.ts';
import { formatOrdinals, parseOrdinals } from './ordinals.ts';
import type { BatchState, ShardRecord } from './records.ts';

/**
 * The dispatcher's state and its rules: which batch is sent next. Pure: state and events in, decisions out.
 * The state is a cache of the ledger plus what is in flight: losing it costs time, never work.
 *
 * Per shard, batches from `next` on have never been sent and stand at q 0; every other open batch has an entry.
 */

/** In flight (holds a slot of the window), ready to be sent again, or deferred. */
export type LaneEntry =
  /** `again`: nobody came for it, so it was sent again. */
  | { readonly s: 'flight'; readonly q: number; readonly since: number; readonly again?: true }
  | { readonly s: 'ready'; readonly q: number }
  | { readonly s: 'wait'; readonly q: number; readonly until: number };

export interface LaneShard {
  readonly n: number;
  next: number;
  readonly e: Record<string, LaneEntry>;
}

export interface LaneRun {
  readonly run: string;
  readonly workerClass: string;
  /** Paused, or being stopped: nothing of it is sent. */
  isHeld?: boolean;
  /** Shards that nobody has looked at yet, as ordinals: thousands of them cost a few bytes. */
  pristine: string;
  readonly shards: Record<string, LaneShard>;
}

export interface Lane {
  readonly tenant: string;
  readonly runs: LaneRun[];
}

export interface LaneState {
  readonly v: 1;
  /** In the order of their turns: who was served goes to the end. */
  lanes: Lane[];
  /** When the next wake message comes, milliseconds since the epoch; 0: none is under way. */
  wakeAt: number;
}

export interface Pick {
  readonly workerClass: string;
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
  readonly q: number;
}

/** A batch that is sent once more. */
export interface Resend extends Pick {
  /** Its worker died, or nobody came for it a second time. The first time it may just be waiting behind slow batches. */
  readonly isDrift: boolean;
}

/** SQS: DelaySeconds is at most 900. */
export const LONGEST_DELAY_MS = 900_000;

export const emptyLanes = (): LaneState => ({ v: 1, lanes: [], wakeAt: 0 });

export const findRun = (state: LaneState, run: string): LaneRun | undefined =>
  state.lanes.flatMap((lane) => lane.runs).find((known) => known.run === run);

/** Makes room for a run; one that is known stays as it is. */
export function addRun(state: LaneState, { tenant, run, workerClass }: { tenant: string; run: string; workerClass: string }): LaneRun {
  const known = findRun(state, run);
  if (known) return known;
  let lane = state.lanes.find((candidate) => candidate.tenant === tenant);
  if (!lane) state.lanes.push((lane = { tenant, runs: [] }));
  const added: LaneRun = { run, workerClass, pristine: '', shards: {} };
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
  const shard: LaneShard = { n: record.n, next: touched ? record.n : 0, e: {} };
  if (touched) for (const [k, batch] of Object.entries(record.b)) {
    if (isBatchDone(batch)) continue;
    shard.e[k] = isLeased(batch, now) ? { s: 'flight', q: batch.q, since: now } : { s: 'ready', q: batch.q };
  }
  run.shards[record.shard] = shard;
}

/** Gives batches before `limit` entries of their own, so that one of them can be changed. */
function materialise(shard: LaneShard, limit: number): void {
  for (; shard.next < limit; shard.next++) shard.e[shard.next] = { s: 'ready', q: 0 };
}

/** A report says: everything below q is settled. A slot that was given to q or later stays taken. */
export function applyReport(state: LaneState, report: { run: string; shard: number; batch: number; q: number; isDone: boolean; until: number }): void {
  const shard = findRun(state, report.run)?.shards[report.shard];
  if (!shard || report.batch >= shard.n) return;
  materialise(shard, report.batch + 1);
  const entry = shard.e[report.batch];
  if (!entry || entry.q >= report.q) return;
  if (report.isDone) delete shard.e[report.batch];
  else shard.e[report.batch] = { s: 'wait', q: report.q, until: report.until };
}

/** `resendAfterMs`: a slot that is taken longer is compared with the ledger, and its batch sent again if nobody has it. */
export interface HealTime {
  readonly now: number;
  readonly resendAfterMs: number;
}

const isDrift = ({ again }: LaneEntry & { readonly s: 'flight' }, { u }: BatchState): boolean => u > 0 || again === true;

/** Compares an open shard with the ledger. Batches whose slot is taken too long by nobody are answered: they must be sent again. */
export function healShard(run: LaneRun, record: ShardRecord, { now, resendAfterMs }: HealTime): Resend[] {
  const shard = run.shards[record.shard];
  if (!shard) return [];
  const resend: Resend[] = [];
  for (const [k, batch] of Object.entries(record.b)) {
    const isUntouched = batch.q === 0 && batch.u === 0;
    if (Number(k) >= shard.next && isUntouched) continue;
    materialise(shard, Number(k) + 1);
    const entry = shard.e[k];
    if (isBatchDone(batch)) delete shard.e[k];
    else if (!entry || entry.s !== 'flight') shard.e[k] = isLeased(batch, now) ? flight(batch.q, now) : atLedgerQ(entry, batch.q);
    else if (isLeased(batch, now)) shard.e[k] = flight(batch.q, entry.since);
    else if (run.isHeld || (batch.q > entry.q && batch.u === 0)) shard.e[k] = { s: 'ready', q: batch.q };
    else if (entry.since + resendAfterMs <= now) {
      shard.e[k] = { ...flight(batch.q, now), again: true };
      resend.push({ workerClass: run.workerClass, run: run.run, shard: record.shard, batch: Number(k), q: batch.q, isDrift: isDrift(entry, batch) });
    }
  }
  return resend;
}

const flight = (q: number, since: number): LaneEntry & { readonly s: 'flight' } => ({ s: 'flight', q, since });

/** A deferral that the ledger has moved past is over. */
const atLedgerQ = (entry: LaneEntry | undefined, q: number): LaneEntry => (entry?.s === 'wait' && entry.q === q ? entry : { s: 'ready', q });

/** Shards with a slot that is taken too long, of every run: what a healing message makes the dispatcher read. */
export function slowShards(state: LaneState, { now, resendAfterMs }: HealTime): { run: string; shard: number }[] {
  const isSlow = (entry: LaneEntry) => entry.s === 'flight' && entry.since + resendAfterMs <= now;
  return shardsOf(state)
    .filter(({ shard }) => Object.values(shard.e).some(isSlow))
    .map(({ run, n }) => ({ run: run.run, shard: n }));
}

/**
 * What must be read before `pickBatches` can fill the window: for each class with free slots, the next pristine shards of lanes
 * that have nothing ready. Ask again after opening them.
 */
export function shardsToOpen(state: LaneState, windows: Readonly<Record<string, number>>): { run: string; shard: number }[] {
  const wanted: { run: string; shard: number }[] = [];
  for (const [workerClass, free] of freeSlots(state, windows)) {
    if (free <= 0) continue;
    for (const lane of state.lanes) {
      const runs = lane.runs.filter((run) => run.workerClass === workerClass && !run.isHeld);
      const ready = runs.flatMap((run) => Object.values(run.shards)).reduce((sum, shard) => sum + countReady(shard), 0);
      const run = runs.find((candidate) => candidate.pristine !== '');
      if (ready < free && run) wanted.push({ run: run.run, shard: Number.parseInt(run.pristine, 10) });
    }
  }
  return wanted;
}

/** Fills the free slots of every class: one batch a lane a turn. */
export function pickBatches(state: LaneState, windows: Readonly<Record<string, number>>, now: number): Pick[] {
  endWaits(state, now);
  const picks: Pick[] = [];
  for (const [workerClass, slots] of freeSlots(state, windows)) {
    for (let free = slots, idle = 0; free > 0 && idle < state.lanes.length; ) {
      const lane = state.lanes.shift()!;
      state.lanes.push(lane);
      const pick = pickFromLane(lane, workerClass, now);
      if (pick) picks.push(pick);
      free -= pick ? 1 : 0;
      idle = pick ? 0 : idle + 1;
    }
  }
  return picks;
}

function pickFromLane(lane: Lane, workerClass: string, now: number): Pick | undefined {
  for (const run of lane.runs) {
    if (run.workerClass !== workerClass || run.isHeld) continue;
    for (const [n, shard] of Object.entries(run.shards)) {
      const batch = takeReady(shard);
      if (!batch) continue;
      shard.e[batch.batch] = flight(batch.q, now);
      return { workerClass, run: run.run, shard: Number(n), ...batch };
    }
  }
  return undefined;
}

/** What came back first, then what was never sent. */
function takeReady(shard: LaneShard): { batch: number; q: number } | undefined {
  for (const [k, entry] of Object.entries(shard.e)) if (entry.s === 'ready') return { batch: Number(k), q: entry.q };
  return shard.next < shard.n ? { batch: shard.next++, q: 0 } : undefined;
}

/** When the dispatcher must be woken for what waits, or undefined if nothing waits or a wake is under way in time. Notes it. */
export function planWake(state: LaneState, now: number): number | undefined {
  const waits = shardsOf(state).flatMap(({ shard }) => Object.values(shard.e).flatMap((entry) => (entry.s === 'wait' ? [entry.until] : [])));
  if (waits.length === 0) return undefined;
  const at = Math.min(...waits, now + LONGEST_DELAY_MS);
  if (state.wakeAt > now && state.wakeAt <= at) return undefined;
  state.wakeAt = at;
  return at;
}

/** Forgets shards, runs and lanes in which nothing is left. */
export function dropFinished(state: LaneState): void {
  for (const lane of state.lanes) {
    for (const run of lane.runs) {
      for (const [n, shard] of Object.entries(run.shards)) {
        if (shard.next >= shard.n && Object.keys(shard.e).length === 0) delete run.shards[n];
      }
    }
    lane.runs.splice(0, lane.runs.length, ...lane.runs.filter((run) => run.pristine !== '' || Object.keys(run.shards).length > 0));
  }
  state.lanes = state.lanes.filter((lane) => lane.runs.length > 0);
}

/** Batches of a run that are deferred until later than `now`. */
export const waitingBatches = (state: LaneState, run: string, now: number): { shard: number; batch: number }[] =>
  Object.entries(findRun(state, run)?.shards ?? {}).flatMap(([shard, { e }]) =>
    Object.entries(e).flatMap(([batch, entry]) => (entry.s === 'wait' && entry.until > now ? [{ shard: Number(shard), batch: Number(batch) }] : [])),
  );

/** Batches in flight of a class. */
export const inFlight = (state: LaneState, workerClass: string): number =>
  shardsOf(state)
    .filter(({ run }) => run.workerClass === workerClass)
    .reduce((sum, { shard }) => sum + Object.values(shard.e).filter(({ s }) => s === 'flight').length, 0);

const freeSlots = (state: LaneState, windows: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(windows).map(([workerClass, window]) => [workerClass, window - inFlight(state, workerClass)]);

const countReady = (shard: LaneShard): number => shard.n - shard.next + Object.values(shard.e).filter(({ s }) => s === 'ready').length;

function endWaits(state: LaneState, now: number): void {
  for (const { shard } of shardsOf(state)) {
    for (const [k, entry] of Object.entries(shard.e)) if (entry.s === 'wait' && entry.until <= now) shard.e[k] = { s: 'ready', q: entry.q };
  }
}

const shardsOf = (state: LaneState) =>
  state.lanes.flatMap((lane) => lane.runs.flatMap((run) => Object.entries(run.shards).map(([n, shard]) => ({ run, n: Number(n), shard }))));
