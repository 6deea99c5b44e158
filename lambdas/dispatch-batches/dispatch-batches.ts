import { StaleStateError } from '../../shared/errors.ts';
import { isHeld } from '../../shared/is-held.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import { mapConcurrently } from '../../shared/map-concurrently.ts';
import { applyReport, chargeAgain } from '../../shared/apply-report.ts';
import { healShard, slowShards } from '../../shared/heal-lanes.ts';
import type { LaneRun, LaneState, Pick, Resend } from '../../shared/lane-state.ts';
import { addRun, addShards, dropFinished, emptyLanes, findRun, isFull, openShard, pickBatches, planWake, setPace, setTenant, shardsToOpen } from '../../shared/lanes.ts';
import type { DispatchMessage } from '../../shared/messages.ts';
import { parseOrdinals } from '../../shared/ordinals.ts';
import type { Clock, LaneStore, PaceStore, RunLedger, TenantStore, WorkQueues } from '../../shared/ports.ts';
import type { RunRecord } from '../../shared/records.ts';

export interface DispatchPorts {
  readonly ledger: globalThis.Pick<RunLedger, 'readRun' | 'readDone' | 'readShards'>;
  readonly lanes: LaneStore;
  readonly tenants: globalThis.Pick<TenantStore, 'readSettings'>;
  readonly paces: PaceStore;
  readonly workQueues: WorkQueues;
  readonly clock: Clock;
  /** A random name for one writing of the lanes. */
  readonly newStamp: () => string;
  /** Worker class -> most batches in flight. */
  readonly windows: Readonly<Record<string, number>>;
  /** A message names a run that does not exist. It changes nothing; told again when a round is repeated. */
  readonly onUnknownRun: (message: DispatchMessage) => void;
  /** A slot that is taken longer is compared with the ledger. */
  readonly resendAfterMs: number;
}

/** What one round did. */
export interface Round {
  readonly sent: number;
  /** Shards that the lanes had lost, and batches in flight that nobody had: what a message or the lanes' loss left. */
  readonly drift: number;
}

const ROUND_ATTEMPTS = 3;
const READS_AT_ONCE = 16;

/**
 * One round of the dispatcher: applies the messages, fills the windows, writes the lanes, then sends.
 * It is the only writer of the lanes; an earlier one that outlived its messages' visibility makes the round start again.
 * @throws StaleStateError if that goes on
 */
export async function dispatchBatches(messages: readonly DispatchMessage[], ports: DispatchPorts): Promise<Round> {
  for (let attempt = 0; attempt < ROUND_ATTEMPTS; attempt++) {
    const round = await runRound(messages, ports);
    if (round) return round;
  }
  throw new StaleStateError(`the lanes were written by another dispatcher ${ROUND_ATTEMPTS} times in a row`);
}

async function runRound(messages: readonly DispatchMessage[], ports: DispatchPorts): Promise<Round | undefined> {
  const before = await ports.lanes.read();
  const state = (before?.state as LaneState | undefined) ?? emptyLanes();
  const heal: Healing = { resend: [], lostShards: 0 };
  for (const message of messages) await applyMessage(state, message, heal, ports);
  await openWanted(state, ports);
  const now = ports.clock();
  const picks = pickBatches(state, ports.windows, now);
  const wakeAt = planWake(state, now);
  const ended = dropFinished(state);
  if (!(await ports.lanes.write(before?.stamp, { stamp: ports.newStamp(), state }))) return undefined;
  // Sent after the state is written: what a crash in between swallows, a healing message finds in flight for too long.
  await sendPicks([...heal.resend, ...picks], ports);
  if (wakeAt !== undefined) await sendWake(wakeAt - now, ports);
  for (const { tenant, processor, msPerItem } of ended) await ports.paces.writePace(tenant, processor, msPerItem);
  return { sent: heal.resend.length + picks.length, drift: heal.resend.filter(({ isDrift }) => isDrift).length + heal.lostShards };
}

/** What the healing messages of a round found. */
interface Healing {
  readonly resend: Resend[];
  lostShards: number;
}

async function applyMessage(state: LaneState, message: DispatchMessage, heal: Healing, ports: DispatchPorts): Promise<void> {
  switch (message.type) {
    case 'open':
      if (!(await noteShards(state, message.run, [message.shard], ports))) ports.onUnknownRun(message);
      return;
    case 'report':
      await openIfPristine(state, message, ports);
      return applyReport(state, message, ports.windows, ports.clock());
    case 'wake': // any message makes the dispatcher look at what waits
      return;
    case 'heal':
      if (!(await healRun(state, message.run, heal, ports))) ports.onUnknownRun(message);
  }
}

/** @returns false if there is no such run */
async function noteShards(state: LaneState, runId: string, shards: readonly number[], ports: DispatchPorts): Promise<boolean> {
  const known = findRun(state, runId);
  const record = known ? undefined : await ports.ledger.readRun(runId);
  // It waits in the ledger: a healing message brings it back when there is room.
  if (record && isFull(state)) return true;
  const run = known ?? (record && (await addRunOf(state, record, ports)));
  if (run) addShards(run, shards);
  return run !== undefined;
}

async function addRunOf(state: LaneState, record: RunRecord, { tenants, paces }: DispatchPorts): Promise<LaneRun> {
  const run = addRun(state, { ...record, priority: splitOptions(record.options).common.priority });
  run.isHeld = isHeld(record);
  setTenant(state, record.tenant, await tenants.readSettings(record.tenant));
  const msPerItem = await paces.readPace(record.tenant, record.processor);
  if (msPerItem !== undefined) setPace(state, { tenant: record.tenant, processor: record.processor, msPerItem });
  return run;
}

/** After the lanes were lost, a batch may report before its shard was opened again. */
async function openIfPristine(state: LaneState, { run: runId, shard }: { run: string; shard: number }, { ledger, clock }: DispatchPorts): Promise<void> {
  const run = findRun(state, runId);
  if (!run || !parseOrdinals(run.pristine).includes(shard)) return;
  for (const record of await ledger.readShards(runId, [shard])) openShard(run, record, clock());
}

/** Compares what the lanes hold with the ledger: the run's shards, and every slot of any run that is taken too long. @returns false if there is no such run */
async function healRun(state: LaneState, runId: string, heal: Healing, ports: DispatchPorts): Promise<boolean> {
  const { ledger, clock, resendAfterMs } = ports;
  const time = { now: clock(), resendAfterMs };
  const record = await ledger.readRun(runId);
  if (record) heal.lostShards += await noteLostShards(state, record, ports);
  const known = findRun(state, runId);
  if (record && known) {
    known.isHeld = isHeld(record);
    setTenant(state, record.tenant, await ports.tenants.readSettings(record.tenant));
  }
  const open = Object.keys(findRun(state, runId)?.shards ?? {}).map((shard) => ({ run: runId, shard: Number(shard) }));
  const slow = slowShards(state, time).filter(({ run }) => run !== runId);
  for (const [id, shards] of groupByRun([...open, ...slow])) {
    const run = findRun(state, id)!;
    for (const shard of await ledger.readShards(id, shards)) {
      const resend = healShard(run, shard, time);
      for (const batch of resend) chargeAgain(state, batch, ports.windows);
      heal.resend.push(...resend);
    }
  }
  return record !== undefined;
}

/** Shards that are neither done nor known here: their message, or the lanes that had them, are gone. @returns how many */
async function noteLostShards(state: LaneState, record: RunRecord, ports: DispatchPorts): Promise<number> {
  const { run: runId, totals } = record;
  if (!totals) return 0;
  const done = await ports.ledger.readDone(runId);
  const run = findRun(state, runId);
  if (!run && isFull(state)) return 0;
  const known = new Set([...parseOrdinals(run?.pristine ?? ''), ...Object.keys(run?.shards ?? {}).map(Number)]);
  const unknown = Array.from({ length: totals.shards }, (_, n) => n).filter((n) => !done.has(n) && !known.has(n));
  const lost = (await ports.ledger.readShards(runId, unknown)).filter(({ nd, n }) => nd < n);
  if (lost.length > 0) await noteShards(state, runId, lost.map(({ shard }) => shard), ports);
  return lost.length;
}

async function openWanted(state: LaneState, { ledger, clock, windows }: DispatchPorts): Promise<void> {
  for (;;) {
    const wanted = groupByRun(shardsToOpen(state, windows, clock()));
    if (wanted.size === 0) return;
    await mapConcurrently([...wanted], READS_AT_ONCE, async ([id, shards]) => {
      const run = findRun(state, id)!;
      const records = await ledger.readShards(id, shards);
      for (const record of records) openShard(run, record, clock());
      if (records.length < shards.length) forgetMissing(run, shards);
    });
  }
}

/** A shard without a record can't be worked on; a healing message brings it back once it has one. */
function forgetMissing(run: NonNullable<ReturnType<typeof findRun>>, shards: readonly number[]): void {
  const left = parseOrdinals(run.pristine).filter((shard) => !shards.includes(shard));
  run.pristine = '';
  addShards(run, left);
}

async function sendPicks(picks: readonly Pick[], { workQueues }: DispatchPorts): Promise<void> {
  for (const [workerClass, group] of Map.groupBy(picks, (pick) => pick.workerClass)) {
    const messages = group.map(({ run, shard, batch, q }) => ({ message: { v: 1, run, shard, batch, q } as const, delaySeconds: 0 }));
    await workQueues.send(workerClass, messages);
  }
}

/** The dispatch queue can't delay a message, so a work queue does: any class will do. */
async function sendWake(delayMs: number, { workQueues, windows }: DispatchPorts): Promise<void> {
  const [workerClass] = Object.keys(windows);
  if (workerClass) await workQueues.send(workerClass, [{ message: { v: 1, wake: true }, delaySeconds: Math.max(0, Math.ceil(delayMs / 1000)) }]);
}

const groupByRun = (shards: readonly { run: string; shard: number }[]): Map<string, number[]> => {
  const groups = new Map<string, number[]>();
  for (const [run, group] of Map.groupBy(shards, ({ run }) => run)) groups.set(run, group.map(({ shard }) => shard));
  return groups;
};
