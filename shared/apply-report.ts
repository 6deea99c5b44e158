import { classOf, groupWeightOf, materialise, shareOf, sizeOf, weightOf } from './fairness/class-queue.ts';
import { noteFree, noteHeld } from './fairness/contended-limits.ts';
import { addToRate, estimateCost, learnPace } from './fairness/costs.ts';
import { Flights } from './fairness/flights.ts';
import { correct, serve } from './fairness/tags.ts';
import { noteDelivery, shrink } from './fairness/worker-window.ts';
import type { Lane, LaneEntry, LaneRun, LaneShard, LaneState, Resend } from './lane-state.ts';
import { valueAt } from './runs.ts';

/** `rows`, `left`, `tookMs`, `waitedMs`, `heldBy`: as in the message; what is missing is not known. */
export interface LaneReport {
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
  readonly q: number;
  readonly isDone: boolean;
  readonly until: number;
  readonly rows?: number | undefined;
  readonly left?: number | undefined;
  readonly tookMs?: number | undefined;
  readonly waitedMs?: number | undefined;
  readonly heldBy?: string | undefined;
}

/**
 * A report says: everything below q is settled. A slot that was given to q or later stays taken.
 * @param windows as configured, by worker class: what the report says of waiting changes the class's own
 */
export function applyReport(state: LaneState, report: LaneReport, windows: Readonly<Record<string, number>> = {}, now = report.until): void {
  const lane = state.lanes.find(({ runs }) => runs.some(({ run }) => run === report.run));
  const run = lane?.runs.find((known) => known.run === report.run);
  const shard = run?.shards[report.shard];
  if (!lane || !run || !shard || report.batch >= shard.n) return;
  materialise(shard, report.batch + 1);
  const entry = shard.e[report.batch];
  if (!entry || entry.q >= report.q) return;
  learn(state, { lane, run, shard, entry, report, now }, windows[run.workerClass]);
  const i = report.left ?? entry.i;
  if (report.isDone) delete shard.e[report.batch];
  else shard.e[report.batch] = { s: 'wait', q: report.q, until: report.until, ...(i !== undefined && { i }), ...(report.heldBy !== undefined && { by: report.heldBy }) };
}

interface Told {
  readonly lane: Lane;
  readonly run: LaneRun;
  readonly shard: LaneShard;
  readonly entry: LaneEntry;
  readonly report: LaneReport;
  readonly now: number;
}

function learn(state: LaneState, told: Told, configured: number | undefined): void {
  const { run, shard, report } = told;
  noteLimit(state, valueAt(shard.k, report.batch), report);
  if (report.tookMs === undefined) return;
  noteCost(state, told, report.tookMs);
  if (report.waitedMs !== undefined && configured !== undefined) noteDelivery(classOf(state, run.workerClass), { waitedMs: report.waitedMs, tookMs: report.tookMs }, configured);
}

function noteLimit(state: LaneState, key: string, { heldBy, until, isDone }: LaneReport): void {
  if (heldBy !== undefined) noteHeld((state.limits ??= {}), { key, heldBy, until, inFlight: new Flights(state).ofKey(key) });
  else if (key !== '' && isDone) noteFree(state.limits ?? {}, key);
}

/** The real cost takes the estimate's place, for the lane and for its group. */
function noteCost(state: LaneState, { lane, run, shard, entry, report, now }: Told, tookMs: number): void {
  const ofClass = classOf(state, run.workerClass);
  const share = shareOf(lane, run.workerClass);
  const estimate = entry.s === 'flight' ? (entry.c ?? 0) : 0;
  const name = valueAt(shard.g, report.batch);
  const group = share.groups?.[name];
  correct(share, tookMs - estimate, weightOf(lane));
  if (group) correct(group, tookMs - estimate, groupWeightOf(lane, name));
  share.service = addToRate(share.service, tookMs, now);
  const { rows = 0 } = report;
  ofClass.items = addToRate(ofClass.items, rows, now);
  if (rows > 0) learnPace(lane, ofClass, run.processor ?? '', tookMs / rows);
}

/** A batch that is sent again costs again; if its worker died, there may be less room for workers than was thought. */
export function chargeAgain(state: LaneState, { run: id, workerClass, shard: n, batch, isDrift }: Resend, windows: Readonly<Record<string, number>>): void {
  const lane = state.lanes.find(({ runs }) => runs.some(({ run }) => run === id));
  const run = lane?.runs.find((known) => known.run === id);
  const shard = run?.shards[n];
  const entry = shard?.e[batch];
  if (!lane || !run || !shard || entry?.s !== 'flight') return;
  const ofClass = classOf(state, workerClass);
  const cost = estimateCost(lane, ofClass, run.processor ?? '', entry.i ?? sizeOf(shard, batch));
  ofClass.v = Math.max(ofClass.v, serve(shareOf(lane, workerClass), { v: ofClass.v, cost, weight: weightOf(lane) }));
  shard.e[batch] = { ...entry, c: cost };
  if (isDrift && windows[workerClass] !== undefined) shrink(ofClass, windows[workerClass]);
}
