import { startExecution } from '../../shared/admission.ts';
import { endFailedRun } from '../../shared/end-failed-run.ts';
import { acknowledgeRun, finishShard } from '../../shared/finish-shard.ts';
import { splitOptions } from '../../shared/manifest/common-options.ts';
import { isPlanned } from '../../shared/planned-run.ts';
import type { Credits, Executions, WaitingRoom } from '../../shared/ports.ts';
import type { OpenRecord, PlannedRun, RunRecord } from '../../shared/records.ts';
import { releaseInOrder, type ReleasePorts, roomOf } from '../../shared/release-queued.ts';
import { finishStop, stopAboveThreshold, type StopPorts, stopRun } from '../../shared/stop-run.ts';
import { tendRooms } from './tend-rooms.ts';

export type SweepPorts = StopPorts & ReleasePorts & {
  readonly executions: Executions;
  readonly credits: Credits;
  readonly room: WaitingRoom;
  readonly leaveRoom: (run: RunRecord) => Promise<void>;
  /** Admits the upload again: idempotent, and finishes what was half made. */
  readonly admit: (open: OpenRecord) => Promise<unknown>;
  readonly onError: (run: string, error: unknown) => void;
};

/** The state machine's own Fail step ends a failed run, and tries for minutes: only then does the sweep do it. */
const FAILED_FOR_MS = 600_000;

/**
 * Goes by OPEN and the ledger alone, never by what a queue or the lanes know; may overlap with itself, and die anywhere.
 * One run's fault does not keep the others from being healed, and no long settling of a stopped run either: that comes last, until `deadline`.
 */
export async function sweepRuns(ports: SweepPorts, deadline = Infinity): Promise<{ runs: number; failed: number }> {
  const open = await ports.ledger.listOpen();
  const ending: RunRecord[] = [];
  const queued: PlannedRun[] = [];
  let failed = 0;
  const guard = async (id: string, work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      failed++;
      ports.onError(id, error);
    }
  };
  for (const entry of open) await guard(entry.run, () => sweepRun(entry, { ending, queued }, ports));
  await guard('waiting items', () => tendRooms(ports));
  for (const [room, runs] of Map.groupBy(queued, roomOf)) await guard(`runs of ${room} that wait`, () => releaseInOrder(runs, ports));
  for (const run of ending) await guard(run.run, () => (run.state === 'failed' ? endFailedRun(run, ports, deadline) : finishStop(run, ports, deadline)));
  return { runs: open.length, failed };
}

/** @param later gets the runs whose open batches are to be settled, and those that wait to be let in */
async function sweepRun(open: OpenRecord, { ending, queued }: { ending: RunRecord[]; queued: PlannedRun[] }, ports: SweepPorts): Promise<void> {
  const { ledger } = ports;
  const run = await ledger.readRun(open.run);
  // A late duplicate of admit put it back on the list.
  if (run?.state === 'finished') return ledger.takeOffOpen(open.run);
  if (run?.state === 'failed') return void (isFailedForLong(run, ports) && ending.push(run));
  if (!run?.started) return void (await ports.admit(open));
  if (run.started !== run.execution) await startExecution(run, ports);
  if (isPlanned(run)) await healRun(run, ports);
  const checked = (await stopIfDue(run, ports)) ?? run;
  if (checked.state === 'stopping') ending.push(checked);
  else if (isPlanned(checked) && checked.queued) queued.push(checked);
}

const isFailedForLong = ({ finishedAt = '' }: RunRecord, { clock }: SweepPorts): boolean => !(Date.parse(finishedAt) + FAILED_FOR_MS > clock());

async function healRun(run: PlannedRun, ports: SweepPorts): Promise<void> {
  await repeatDone(run, ports);
  const done = await ports.ledger.readDone(run.run);
  const isComplete = done.size >= run.totals.shards;
  if (isComplete && run.token !== run.acked) await acknowledgeRun(run.run, done, ports);
  if (!isComplete) await ports.dispatchQueue.send({ v: 1, type: 'heal', run: run.run }, `heal/${ports.newNonce()}`);
}

/** A crash between SETTLE and ADD, whose message is gone as well, leaves a finished shard that DONE lacks. */
async function repeatDone(run: PlannedRun, ports: SweepPorts): Promise<void> {
  const done = await ports.ledger.readDone(run.run);
  const open = Array.from({ length: run.totals.shards }, (_, n) => n).filter((n) => !done.has(n));
  for (const shard of await ports.ledger.readShards(run.run, open)) await finishShard(shard, ports);
}

/** The time limit of a run, and its failure threshold once more: the worker that would have noticed may be gone. @returns the record if it was stopped */
async function stopIfDue(run: RunRecord, ports: SweepPorts): Promise<RunRecord | undefined> {
  if (run.state !== 'open') return undefined;
  const { timeLimitSeconds = Infinity } = splitOptions(run.options).common;
  const isOverTime = Date.parse(run.createdAt) + 1000 * timeLimitSeconds <= ports.clock();
  // Only the state: settling comes last.
  if (isOverTime) return stopRun(run.run, 'time limit', ports, 0);
  const isStopped = await stopAboveThreshold(run.run, ports, 0);
  return isStopped ? ports.ledger.readRun(run.run) : undefined;
}
