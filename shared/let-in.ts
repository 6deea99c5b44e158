import { creditsNeeded } from './credits-needed.ts';
import { ManifestRefusedError } from './errors.ts';
import { estimateWaitSeconds } from './estimate-wait.ts';
import type { Clock, Credits, RunLedger, TenantStore, Waiting, WaitingRoom } from './ports.ts';
import type { PlannedRun, QueuedState } from './records.ts';
import { ALL_TENANTS, paysCredits, type TenantSettings } from './tenant-settings.ts';

export interface LetInPorts {
  readonly ledger: Pick<RunLedger, 'setQueued'>;
  readonly credits: Pick<Credits, 'hold'>;
  readonly room: Pick<WaitingRoom, 'enter'>;
  readonly tenants: Pick<TenantStore, 'readSettings'>;
  /** Of a processor, by its name: items that may wait where the tenant's settings say nothing. */
  readonly maxWaitingItemsOf: (processor: string) => number | undefined;
  /** Items a second that the limit on all of a run's items allows; undefined: there is no such limit. @default not asked */
  readonly limitPerSecond?: (run: PlannedRun) => Promise<number | undefined>;
  readonly clock: Clock;
}

/** What stands in the way, or that nothing does. */
export type LetInAnswer = 'in' | 'ended' | QueuedState['reason'];

/**
 * Lets a planned run in, or puts it into the queue of its tenant: credits and places are reserved here, when its items are known, and before any of
 * its batches can be sent. May be repeated at any point; a run that is in, or has ended, stays as it is.
 * @throws ManifestRefusedError if it would have to wait and its tenant chose to be refused then
 */
export async function letIn(run: PlannedRun, ports: LetInPorts): Promise<LetInAnswer> {
  if (run.state !== 'open') return 'ended';
  const settings = await ports.tenants.readSettings(run.tenant);
  const all = await ports.tenants.readSettings(ALL_TENANTS);
  const pays = paysCredits(settings, all);
  const obstacle = (pays ? await holdCredits(run, ports) : undefined) ?? (await takePlaces(run, { settings, all }, ports));
  if (obstacle) refuseIfWanted(run, obstacle, settings);
  if (obstacle || run.queued) await ports.ledger.setQueued(run.run, obstacle);
  return obstacle?.reason ?? 'in';
}

async function holdCredits(run: PlannedRun, { credits, clock }: LetInPorts): Promise<QueuedState | undefined> {
  const needs = creditsNeeded(run);
  if (needs === 0) return undefined;
  const answer = await credits.hold({ tenant: run.tenant, run: run.run, amount: needs });
  return answer.kind === 'held' ? undefined : { reason: 'credits', since: sinceOf(run, clock), needs, has: answer.balance };
}

async function takePlaces(run: PlannedRun, { settings, all }: { readonly settings: TenantSettings; readonly all: TenantSettings }, ports: LetInPorts): Promise<QueuedState | undefined> {
  const own = settings.maxWaitingItems ?? ports.maxWaitingItemsOf(run.processor);
  const joinsLine = settings.onFull === 'wait' || run.queued !== undefined;
  return (await enterRoom(run, { tenant: run.tenant, cap: own, joinsLine }, ports)) ?? enterRoom(run, { tenant: ALL_TENANTS, cap: all.maxWaitingItems, joinsLine }, ports);
}

interface Entrance {
  readonly tenant: string;
  readonly cap: number | undefined;
  readonly joinsLine: boolean;
}

async function enterRoom(run: PlannedRun, { tenant, cap, joinsLine }: Entrance, { room, clock, limitPerSecond }: LetInPorts): Promise<QueuedState | undefined> {
  if (cap === undefined) return undefined;
  const items = run.totals.items - run.totals.duplicates;
  const answer = await room.enter({ tenant, run: run.run, items, cap, joinsLine });
  if (answer.kind === 'in') return undefined;
  const ahead = itemsAhead(answer.waiting, run.run);
  const limit = await limitPerSecond?.(run);
  const waitSeconds = estimateWaitSeconds({ itemsAhead: ahead, itemsPerSecond: answer.waiting.itemsPerSecond, ...(limit !== undefined && { limitPerSecond: limit }) });
  return { reason: 'waiting', since: sinceOf(run, clock), needs: items, ahead, ...(tenant === ALL_TENANTS && { scope: 'all tenants' }), ...(waitSeconds !== undefined && { waitSeconds }) };
}

/** What waits inside, and the others in the line. */
const itemsAhead = ({ waiting, line }: Waiting, own: string): number => Object.entries(line).reduce((sum, [run, items]) => sum + (run === own ? 0 : items), waiting);

const sinceOf = ({ queued }: PlannedRun, clock: Clock): string => queued?.since ?? new Date(clock()).toISOString();

function refuseIfWanted(run: PlannedRun, obstacle: QueuedState, { onFull }: TenantSettings): void {
  // Who waits already was told so.
  if (!run.queued && onFull === 'refuse') throw new ManifestRefusedError(describeRefusal(run, obstacle));
}

function describeRefusal({ tenant, source }: PlannedRun, obstacle: QueuedState): string {
  if (obstacle.reason === 'credits') return `${source.key}: expected at least ${obstacle.needs} credits of tenant ${tenant} for this run, it has ${obstacle.has}: add credits and upload the manifest again`;
  const when = obstacle.waitSeconds === undefined ? 'later' : `in about ${obstacle.waitSeconds} s`;
  return `${source.key}: expected room for ${obstacle.needs} items of ${obstacle.scope ?? `tenant ${tenant}`}, ${obstacle.ahead} are waiting already: upload the manifest again ${when}`;
}
