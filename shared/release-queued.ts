import { letIn, type LetInPorts } from './let-in.ts';
import { type Priority, PRIORITIES, splitOptions } from './manifest/common-options.ts';
import type { DispatchQueue } from './ports.ts';
import type { PlannedRun } from './records.ts';

export type ReleasePorts = LetInPorts & {
  readonly dispatchQueue: DispatchQueue;
  /** A healing message with the same id within five minutes would be swallowed. */
  readonly newNonce: () => string;
};

/** Urgent before normal before low, then who has waited longest. */
export const inOrderOfTheQueue = (runs: readonly PlannedRun[]): PlannedRun[] => [...runs].sort((a, b) => rankOf(a) - rankOf(b) || compare(sinceOf(a), sinceOf(b)) || compare(a.run, b.run));

/**
 * Lets a waiting run in if it may go on now, and tells the dispatcher.
 * @returns whether it is in
 */
export async function releaseQueued(run: PlannedRun, ports: ReleasePorts): Promise<boolean> {
  if (!(await letIn(run, ports))) return false;
  await ports.dispatchQueue.send({ v: 1, type: 'heal', run: run.run }, `heal/${ports.newNonce()}`);
  return true;
}

const priorityOf = ({ options }: PlannedRun): Priority => splitOptions(options).common.priority ?? 'normal';
const rankOf = (run: PlannedRun): number => PRIORITIES.indexOf(priorityOf(run));
const sinceOf = ({ queued, createdAt }: PlannedRun): string => queued?.since ?? createdAt;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
