import { settleOpenBatches } from '../../shared/settle-open-batches.ts';
import type { FailInput } from '../../shared/messages.ts';
import { refusalKey } from '../../shared/names.ts';
import { isPlanned } from '../../shared/planned-run.ts';
import type { Clock, ObjectStore, RunLedger } from '../../shared/ports.ts';

export interface FailPorts {
  readonly ledger: RunLedger;
  readonly results: ObjectStore;
  readonly manifests: ObjectStore;
  readonly clock: Clock;
  readonly newOwner: () => string;
}

/**
 * Ends a run that can't go on: the record says so first, then open batches are settled `skipped`, the owner of the manifest finds
 * the reason beside it, and the run leaves OPEN last. A repeat goes through all of it.
 */
export async function failRun({ run: runId, error }: FailInput, ports: FailPorts): Promise<{ v: 1; run: string; error: string }> {
  const { ledger, manifests, clock } = ports;
  const reason = describeCause(error);
  const run = await ledger.markEnded(runId, { state: 'failed', finishedAt: new Date(clock()).toISOString(), error: reason });
  if (isPlanned(run)) await settleOpenBatches(run, 'run failed', ports);
  const refusal = { v: 1, run: runId, error: error.Error, message: reason };
  if (error.Error === 'ManifestRefusedError') await manifests.write(refusalKey(run.source.key), `${JSON.stringify(refusal, null, 1)}\n`, 'application/json');
  await ledger.takeOffOpen(runId);
  return { v: 1, run: runId, error: reason };
}

/** A function's error comes as JSON in `Cause`; Step Functions' own as a sentence. */
function describeCause({ Error: name, Cause = '' }: FailInput['error']): string {
  try {
    const { errorMessage } = JSON.parse(Cause) as { errorMessage?: string };
    return errorMessage ?? name;
  } catch {
    return Cause === '' ? name : Cause;
  }
}
