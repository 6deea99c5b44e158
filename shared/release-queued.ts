import { letIn, type LetInAnswer, type LetInPorts } from './let-in.ts';
import { type Priority, PRIORITIES, splitOptions } from './manifest/common-options.ts';
import { isPlanned } from './planned-run.ts';
import type { DispatchQueue, RunLedger, WaitingRoom } from './ports.ts';
import type { PlannedRun } from './records.ts';
import { ALL_TENANTS } from './tenant-settings.ts';

export type ReleasePorts = LetInPorts & {
  readonly dispatchQueue: DispatchQueue;
  /** A healing message with the same id within five minutes would be swallowed. */
  readonly newNonce: () => string;
};

export type LeavePorts = ReleasePorts & { readonly ledger: Pick<RunLedger, 'readRun' | 'setQueued'>; readonly room: Pick<WaitingRoom, 'enter' | 'leave' | 'read'> };

/** Looked at when a run ends; the sweep looks at all. */
const RUNS_LOOKED_AT = 50;

/** Urgent before normal before low, then who has waited longest. */
export const inOrderOfTheQueue = (runs: readonly PlannedRun[]): PlannedRun[] => [...runs].sort((a, b) => rankOf(a) - rankOf(b) || compare(sinceOf(a), sinceOf(b)) || compare(a.run, b.run));

/**
 * Lets in, in order, what may go on now, and tells the dispatcher. Nobody overtakes a run of its tenant that waits for places; who lacks credits holds up nobody.
 * @returns how many runs are in
 */
export async function releaseInOrder(queued: readonly PlannedRun[], ports: ReleasePorts): Promise<number> {
  const full = new Set<string>();
  let released = 0;
  for (const run of inOrderOfTheQueue(queued)) {
    const room = roomOf(run);
    if (run.queued?.reason === 'waiting' && full.has(room)) continue;
    const answer = await releaseQueued(run, ports);
    if (answer === 'waiting') full.add(room);
    if (answer === 'in') released++;
  }
  return released;
}

async function releaseQueued(run: PlannedRun, ports: ReleasePorts): Promise<LetInAnswer> {
  const answer = await letIn(run, ports);
  if (answer === 'in') await ports.dispatchQueue.send({ v: 1, type: 'heal', run: run.run }, `heal/${ports.newNonce()}`);
  return answer;
}

/** The end of a run gives its places back, and lets in who waited for them. A repeat changes nothing. */
export async function leaveRoom({ tenant, run }: Pick<PlannedRun, 'tenant' | 'run'>, ports: LeavePorts): Promise<void> {
  const { room, ledger } = ports;
  const left = [tenant, ALL_TENANTS];
  for (const each of left) await room.leave(each, run);
  const lines = await Promise.all(left.map(async (each) => Object.keys((await room.read(each))?.line ?? {}).slice(0, RUNS_LOOKED_AT)));
  const line = [...new Set(lines.flat())];
  const runs = await Promise.all(line.map((id) => ledger.readRun(id)));
  await releaseInOrder(runs.filter((each) => isPlanned(each)).filter(({ queued }) => queued !== undefined), ports);
}

/** Whose places the run waits for: its tenant's, or those that all tenants share. */
export const roomOf = ({ tenant, queued }: PlannedRun): string => (queued?.reason === 'waiting' && queued.scope ? ALL_TENANTS : tenant);

const priorityOf = ({ options }: PlannedRun): Priority => splitOptions(options).common.priority ?? 'normal';
const rankOf = (run: PlannedRun): number => PRIORITIES.indexOf(priorityOf(run));
const sinceOf = ({ queued, createdAt }: PlannedRun): string => queued?.since ?? createdAt;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
