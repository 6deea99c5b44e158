import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { LimitTable, SlotAnswer, SlotRequest } from '../http/host-limiter.ts';
import { CLOCK_SKEW_MS } from '../limits.ts';
import { LIMIT_EXPRESSIONS } from './limit-expressions.ts';
import { createLimitRows, expiryOf } from './limit-updates.ts';
import { createRateTable } from './rate-table.ts';

interface Lease {
  readonly o: string;
  readonly u: number;
}

/** Rate limits and connection leases as records of the table `limits`. */
export function createLimitTable(client: DynamoDBDocumentClient, table: string): LimitTable {
  const rows = createLimitRows(client, table);

  async function takeSlot(request: SlotRequest): Promise<SlotAnswer> {
    const { key, slots, held } = request;
    const candidates = Array.from({ length: slots }, (_, i) => i).filter((i) => !held.includes(i));
    const first = request.index ?? candidates[0];
    if (first !== undefined && (await tryLease(request, first))) return { kind: 'taken', index: first };
    const leases = ((await rows.read(slotsKey(key))) ?? {}) as Record<string, Lease | undefined>;
    const free = candidates.filter((i) => isFree(leases[slotName(i)], request));
    for (const index of free) if (await tryLease(request, index)) return { kind: 'taken', index };
    const ends = candidates.map((i) => leases[slotName(i)]?.u ?? request.now);
    return { kind: 'none', freeAt: Math.min(...ends, request.until) + CLOCK_SKEW_MS };
  }

  async function tryLease({ key, owner, now, until }: SlotRequest, index: number): Promise<boolean> {
    const lease: Lease = { o: owner, u: until };
    const values = { ':lease': lease, ':me': owner, ':now': now - CLOCK_SKEW_MS, ':ttl': expiryOf(until) };
    const names = { '#slot': slotName(index), '#u': 'u', '#o': 'o', '#ttl': 'ttl' };
    return (await rows.update(slotsKey(key), LIMIT_EXPRESSIONS.takeSlot, { values, names })) !== undefined;
  }

  async function giveSlotBack({ key, index, owner }: { key: string; index: number; owner: string }): Promise<void> {
    await rows.update(slotsKey(key), LIMIT_EXPRESSIONS.giveSlotBack, { values: { ':me': owner }, names: { '#slot': slotName(index), '#o': 'o' } });
  }
  return { ...createRateTable(rows), takeSlot, giveSlotBack };
}

const slotsKey = (key: string): string => `slots#${key}`;
const slotName = (index: number): string => `s${index}`;
const isFree = (lease: Lease | undefined, { now, owner }: SlotRequest): boolean => lease === undefined || lease.u < now - CLOCK_SKEW_MS || lease.o === owner;
