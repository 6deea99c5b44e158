import { creditsNeeded } from './credits-needed.ts';
import { ManifestRefusedError } from './errors.ts';
import type { Clock, Credits, RunLedger, TenantStore } from './ports.ts';
import type { PlannedRun, QueuedState } from './records.ts';

export interface LetInPorts {
  readonly ledger: Pick<RunLedger, 'setQueued'>;
  readonly credits: Pick<Credits, 'hold'>;
  readonly tenants: Pick<TenantStore, 'readSettings'>;
  readonly clock: Clock;
}

/**
 * Lets a planned run in, or puts it into the queue of its tenant: its credits are reserved here, when its items are known, and before any of its
 * batches can be sent. May be repeated at any point; a run that is in, or has ended, stays as it is.
 * @returns whether it is in
 * @throws ManifestRefusedError if it would have to wait and its tenant chose to be refused then
 */
export async function letIn(run: PlannedRun, ports: LetInPorts): Promise<boolean> {
  if (run.state !== 'open') return false;
  const obstacle = await reserve(run, ports);
  if (obstacle) await refuseIfWanted(run, obstacle, ports);
  if (obstacle || run.queued) await ports.ledger.setQueued(run.run, obstacle);
  return obstacle === undefined;
}

async function reserve(run: PlannedRun, { credits, clock }: LetInPorts): Promise<QueuedState | undefined> {
  const needs = creditsNeeded(run);
  if (needs === 0) return undefined;
  const answer = await credits.hold({ tenant: run.tenant, run: run.run, amount: needs });
  if (answer.kind === 'held') return undefined;
  return { reason: 'credits', since: run.queued?.since ?? new Date(clock()).toISOString(), needs, has: answer.balance };
}

async function refuseIfWanted(run: PlannedRun, obstacle: QueuedState, { tenants }: LetInPorts): Promise<void> {
  // Who waits already was told so.
  if (run.queued || (await tenants.readSettings(run.tenant)).onFull !== 'refuse') return;
  throw new ManifestRefusedError(describeRefusal(run, obstacle));
}

function describeRefusal({ tenant, source }: PlannedRun, obstacle: QueuedState): string {
  if (obstacle.reason === 'credits') return `${source.key}: expected at least ${obstacle.needs} credits of tenant ${tenant} for this run, it has ${obstacle.has}: add credits and upload the manifest again`;
  return `${source.key}: expected room for ${obstacle.needs} items of tenant ${tenant}, ${obstacle.ahead} are waiting already: upload the manifest again later`;
}
