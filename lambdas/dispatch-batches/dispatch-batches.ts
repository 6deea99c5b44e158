import { StaleStateError } from '../../shared/errors.ts';
import {
  addRun,
  addShards,
  applyReport,
  dropFinished,
  emptyLanes,
  findRun,
  healShard,
  type LaneState,
  openShard,
  type Pick,
  pickBatches,
  planWake,
  shardsToOpen,
  slowShards,
} from '../../shared/lanes.ts';
import type { DispatchMessage } from '../../shared/messages.ts';
import { parseOrdinals } from '../../shared/ordinals.ts';
import type { Clock, LaneStore, RunLedger, WorkQueues } from '../../shared/ports.ts';

export interface DispatchPorts {
  readonly ledger: globalThis.Pick<RunLedger, 'readRun' | 'readDone' | 'readShards'>;
  readonly lanes: LaneStore;
  readonly workQueues: WorkQueues;
  readonly clock: Clock;
  /** A random name for one writing of the lanes. */
  readonly newStamp: () => string;
  /** Worker class -> most batches in flight. */
  readonly windows: Readonly<Record<string, number>>;
  /** A message names a run that does not exist. It changes nothing; told again when a round is repeated. */
  readonly onUnknownRun: (message: DispatchMessage) => void;
}

const ROUND_ATTEMPTS = 3;

/**
 * One round of the dispatcher: applies the messages, fills the windows, writes the lanes, then sends.
 * It is the only writer of the lanes; an earlier one that outlived its messages' visibility makes the round start again.
 * @throws StaleStateError if that goes on
 */
export async function dispatchBatches(messages: readonly DispatchMessage[], ports: DispatchPorts): Promise<void> {
  for (let attempt = 0; attempt < ROUND_ATTEMPTS; attempt++) if (await runRound(messages, ports)) return;
  throw new StaleStateError(`the lanes were written by another dispatcher ${ROUND_ATTEMPTS} times in a row`);
}

async function runRound(messages: readonly DispatchMessage[], ports: DispatchPorts): Promise<boolean> {
  const before = await ports.lanes.read();
  const state = (before?.state as LaneState | undefined) ?? emptyLanes();
  const resend: Pick[] = [];
  for (const message of messages) resend.push(...(await applyMessage(state, message, ports)));
  await openWanted(state, ports);
  const now = ports.clock();
  const picks = pickBatches(state, ports.windows, now);
  const wakeAt = planWake(state, now);
  dropFinished(state);
  if (!(await ports.lanes.write(before?.stamp, { stamp: ports.newStamp(), state }))) return false;
  // Sent after the state is written: what a crash in between swallows, a healing message finds in flight for too long.
  await sendPicks([...resend, ...picks], ports);
  if (wakeAt !== undefined) await sendWake(wakeAt - now, ports);
  return true;
}

async function applyMessage(state: LaneState, message: DispatchMessage, ports: DispatchPorts): Promise<Pick[]> {
  switch (message.type) {
    case 'open':
      if (!(await noteShards(state, message.run, [message.shard], ports))) ports.onUnknownRun(message);
      return [];
    case 'report':
      await openIfPristine(state, message, ports);
      applyReport(state, message);
      return [];
    case 'wake': // any message makes the dispatcher look at what waits
      return [];
    case 'heal':
      if (!findRun(state, message.run) && !(await ports.ledger.readRun(message.run))) ports.onUnknownRun(message);
      return healRun(state, message.run, ports);
  }
}

/** @returns false if there is no such run */
async function noteShards(state: LaneState, runId: string, shards: readonly number[], { ledger }: DispatchPorts): Promise<boolean> {
  const known = findRun(state, runId);
  const record = known ? undefined : await ledger.readRun(runId);
  const run = known ?? (record && addRun(state, record));
  if (run) addShards(run, shards);
  return run !== undefined;
}

/** After the lanes were lost, a batch may report before its shard was opened again. */
async function openIfPristine(state: LaneState, { run: runId, shard }: { run: string; shard: number }, { ledger, clock }: DispatchPorts): Promise<void> {
  const run = findRun(state, runId);
  if (!run || !parseOrdinals(run.pristine).includes(shard)) return;
  for (const record of await ledger.readShards(runId, [shard])) openShard(run, record, clock());
}

/** Compares what the lanes hold with the ledger: the run's shards, and every slot of any run that is taken too long. */
async function healRun(state: LaneState, runId: string, ports: DispatchPorts): Promise<Pick[]> {
  const { ledger, clock } = ports;
  await noteLostShards(state, runId, ports);
  const open = Object.keys(findRun(state, runId)?.shards ?? {}).map((shard) => ({ run: runId, shard: Number(shard) }));
  const slow = slowShards(state, clock()).filter(({ run }) => run !== runId);
  const resend: Pick[] = [];
  for (const [id, shards] of groupByRun([...open, ...slow])) {
    const run = findRun(state, id)!;
    for (const record of await ledger.readShards(id, shards)) resend.push(...healShard(run, record, clock()));
  }
  return resend;
}

/** Shards that are neither done nor known here: their message, or the lanes that had them, are gone. */
async function noteLostShards(state: LaneState, runId: string, ports: DispatchPorts): Promise<void> {
  const record = await ports.ledger.readRun(runId);
  if (!record?.totals) return;
  const done = await ports.ledger.readDone(runId);
  const run = findRun(state, runId);
  const known = new Set([...parseOrdinals(run?.pristine ?? ''), ...Object.keys(run?.shards ?? {}).map(Number)]);
  const unknown = Array.from({ length: record.totals.shards }, (_, n) => n).filter((n) => !done.has(n) && !known.has(n));
  const lost = (await ports.ledger.readShards(runId, unknown)).filter(({ nd, n }) => nd < n);
  if (lost.length > 0) await noteShards(state, runId, lost.map(({ shard }) => shard), ports);
}

async function openWanted(state: LaneState, { ledger, clock, windows }: DispatchPorts): Promise<void> {
  for (;;) {
    const wanted = groupByRun(shardsToOpen(state, windows));
    if (wanted.size === 0) return;
    for (const [id, shards] of wanted) {
      const run = findRun(state, id)!;
      const records = await ledger.readShards(id, shards);
      for (const record of records) openShard(run, record, clock());
      if (records.length < shards.length) forgetMissing(run, shards);
    }
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
