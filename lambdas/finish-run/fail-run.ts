import { endFailedRun } from '../../shared/end-failed-run.ts';
import type { FailInput } from '../../shared/messages.ts';
import { describeRefusal, refusalKey } from '../../shared/refusal.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { Clock, Credits, ObjectStore, RunLedger } from '../../shared/ports.ts';

export interface FailPorts {
  readonly ledger: RunLedger;
  readonly results: ObjectStore;
  readonly manifests: ObjectStore;
  readonly credits: Credits;
  readonly leaveRoom: (run: RunRecord) => Promise<void>;
  readonly clock: Clock;
  readonly newOwner: () => string;
}

/**
 * Ends a run that can't go on: the owner of a refused manifest finds the reason beside it, the record says that the run failed, and the rest follows.
 * A repeat goes through all of it. A run that has finished stays finished.
 */
export async function failRun({ run: runId, error }: FailInput, ports: FailPorts): Promise<{ v: 1; run: string; error: string }> {
  const { ledger, clock } = ports;
  const reason = describeCause(error);
  if (error.Error === 'ManifestRefusedError') await writeRefusal(runId, reason, ports);
  const run = await ledger.markEnded(runId, { state: 'failed', finishedAt: new Date(clock()).toISOString(), error: reason });
  if (run.state === 'failed') await endFailedRun(run, ports);
  return { v: 1, run: runId, error: reason };
}

/** Before the record says `failed`: whoever reads that looks for the reason. */
async function writeRefusal(runId: string, reason: string, { ledger, manifests }: FailPorts): Promise<void> {
  const run = await ledger.readRun(runId);
  if (run) await manifests.write(refusalKey(run.source.key), describeRefusal(runId, reason), 'application/json');
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
