import { isAboveThreshold, isFailureThresholdSet } from './failure-threshold.ts';
import { acknowledgeRun } from './finish-shard.ts';
import { splitOptions } from './manifest/common-options.ts';
import { countRun, isPlanned, readAllShards } from './planned-run.ts';
import type { DispatchQueue, TaskAnswers } from './ports.ts';
import type { RunRecord, StopReason } from './records.ts';
import { settleOpenBatches, type SettlePorts } from './settle-open-batches.ts';

/** Ends a run before its work does. The state first: from then on no worker begins a batch; then what is open is settled `skipped`, and the run ends as any other. */

export type StopPorts = SettlePorts & { readonly dispatchQueue: DispatchQueue; readonly taskAnswers: TaskAnswers };

/** @returns the record afterwards: a run that has ended, or is being stopped for another reason, stays as it is; undefined if there is none */
export async function stopRun(runId: string, reason: StopReason, ports: StopPorts, deadline = Infinity): Promise<RunRecord | undefined> {
  const run = await ports.ledger.requestStop(runId, { reason, at: new Date(ports.clock()).toISOString() });
  if (run) await finishStop(run, ports, deadline);
  return run;
}

/** What a stop still lacks; may be repeated and cut short at any point. A run that is not planned yet is settled after its plan. */
export async function finishStop(run: RunRecord, ports: StopPorts, deadline = Infinity): Promise<void> {
  if (run.state !== 'stopping' || !isPlanned(run)) return;
  await settleOpenBatches(run, run.stop?.reason ?? 'cancelled', ports, deadline);
  await acknowledgeRun(run.run, await ports.ledger.readDone(run.run), ports);
  // Makes the dispatcher look at the ledger: slots become free.
  await ports.dispatchQueue.send({ v: 1, type: 'heal', run: run.run }, `heal/${ports.newOwner()}`);
}

/** Stops an open run that has failed too often. @returns whether it did */
export async function stopAboveThreshold(runId: string, ports: StopPorts, deadline = Infinity): Promise<boolean> {
  const run = await ports.ledger.readRun(runId);
  if (run?.state !== 'open' || !isPlanned(run)) return false;
  const { common } = splitOptions(run.options);
  if (!isFailureThresholdSet(common)) return false;
  if (!isAboveThreshold(countRun(run, await readAllShards(ports.ledger, run)), common)) return false;
  await stopRun(runId, 'failure threshold', ports, deadline);
  return true;
}
