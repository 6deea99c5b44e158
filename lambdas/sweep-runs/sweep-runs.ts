import { startExecution } from '../../shared/admission.ts';
import { acknowledgeRun, finishShard } from '../../shared/finish-shard.ts';
import { isPlanned } from '../../shared/planned-run.ts';
import type { DispatchQueue, Executions, RunLedger, TaskAnswers } from '../../shared/ports.ts';
import type { OpenRecord, PlannedRun } from '../../shared/records.ts';

export interface SweepPorts {
  readonly ledger: RunLedger;
  readonly executions: Executions;
  readonly taskAnswers: TaskAnswers;
  readonly dispatchQueue: DispatchQueue;
  /** Admits the upload again: idempotent, and finishes what was half made. */
  readonly admit: (open: OpenRecord) => Promise<unknown>;
  /** A healing message with the same id within five minutes would be swallowed. */
  readonly newNonce: () => string;
  readonly onError: (run: string, error: unknown) => void;
}

/**
 * Goes by OPEN and the ledger alone, never by what a queue or the lanes know; may overlap with itself.
 * One run's fault does not keep the others from being healed.
 */
export async function sweepRuns(ports: SweepPorts): Promise<{ runs: number; failed: number }> {
  const open = await ports.ledger.listOpen();
  let failed = 0;
  for (const entry of open) {
    try {
      await sweepRun(entry, ports);
    } catch (error) {
      failed++;
      ports.onError(entry.run, error);
    }
  }
  return { runs: open.length, failed };
}

async function sweepRun(open: OpenRecord, ports: SweepPorts): Promise<void> {
  const { ledger } = ports;
  const run = await ledger.readRun(open.run);
  // A late duplicate of admit put it back on the list.
  if (run?.state === 'finished') return ledger.takeOffOpen(open.run);
  // finish-run still settles what is open, and takes it off the list itself.
  if (run?.state === 'failed') return;
  if (!run?.started) return void (await ports.admit(open));
  if (run.started !== run.execution) await startExecution(run, ports);
  if (isPlanned(run)) await healRun(run, ports);
}

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
