import { setTimeout as wait } from 'node:timers/promises';
import type { LaneState } from '../../../shared/lane-state.ts';
import { findRun } from '../../../shared/lanes.ts';
import type { BatchState } from '../../../shared/records.ts';
import type { ShortStack } from './short-stack.ts';

const POLL_MS = 20;

export interface BatchOfRun {
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
}

/** Looks at a batch in the ledger until it is as wanted. */
export async function batchWhen({ client }: ShortStack, { run, shard, batch }: BatchOfRun, isWanted: (state: BatchState) => boolean): Promise<BatchState> {
  for (;;) {
    const [record] = await client.ledger.readShards(run, [shard]);
    const state = record?.b[batch];
    if (state && isWanted(state)) return state;
    await wait(POLL_MS);
  }
}

/**
 * Kills the first worker that takes the batch, `afterMs` after it was seen to have it.
 * @returns the batch as the dead worker has it; undefined if that had ended by itself before
 */
export async function killWorkerOf(stack: ShortStack, batch: BatchOfRun, afterMs: number): Promise<BatchState | undefined> {
  const state = await batchWhen(stack, batch, ({ q, u }) => u > 0 || q > 0);
  if (state.q > 0) return undefined;
  await wait(afterMs);
  return (await stack.stack.killInvocation(state.o)) ? state : undefined;
}

export interface Recovery {
  /** When the dispatcher sent the batch again, and when somebody else had it: milliseconds since the epoch. */
  readonly sentAt: number;
  readonly claimedAt: number;
}

/** Waits until somebody else has the batch. */
export async function recoveryOf(stack: ShortStack, batch: BatchOfRun, dead: BatchState): Promise<Recovery> {
  await batchWhen(stack, batch, ({ o, q }) => q > dead.q || o !== dead.o);
  const claimedAt = Date.now();
  const lanes = (await stack.lanes.read())?.state as LaneState | undefined;
  const entry = lanes && findRun(lanes, batch.run)?.shards[batch.shard]?.e[batch.batch];
  return { sentAt: entry?.s === 'flight' ? entry.since : claimedAt, claimedAt };
}
