import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { LimitTable, SlotAnswer, SlotRequest } from '../http/host-limiter.ts';
import { busyBound, comeBackAt, CLOCK_SKEW_MS, isIdle, largestRequest, startsOf, type Limit, type LimitRecord, type Reservation } from '../limits.ts';

/** The conditional writes of the table `limits`; checked with the executable model, change that first. */
export const LIMIT_EXPRESSIONS = {
  idle: {
    update: 'SET tat = :after, v = if_not_exists(v, :zero) + :one, gen = :gen, refd = if_not_exists(refd, :zero), #ttl = :ttl',
    condition: '(attribute_not_exists(tat) OR tat <= :now) AND (attribute_not_exists(gen) OR gen = :gen)',
  },
  busy: {
    update: 'SET tat = tat + :amount, v = v + :one',
    condition: 'tat > :now AND tat <= :bound AND gen = :gen',
  },
  /** A lease is free when it has ended by every clock, or is one's own. */
  takeSlot: {
    update: 'SET #slot = :lease, #ttl = :ttl',
    condition: 'attribute_not_exists(#slot) OR #slot.#u < :now OR #slot.#o = :me',
  },
  giveSlotBack: { update: 'REMOVE #slot', condition: '#slot.#o = :me' },
} as const;

interface Reserve {
  readonly key: string;
  readonly limit: Limit;
  readonly units: number;
  readonly nowUs: number;
}

interface Lease {
  readonly o: string;
  readonly u: number;
}

/** Refused in turn by writers that came in between: then the request waits like any other that was refused. */
const MAX_ROUNDS = 4;
const RECORD_LIFE_SECONDS = 86_400;
const US_PER_SECOND = 1_000_000;
const MS_PER_SECOND = 1000;
const MAX_KNOWN_KEYS = 10_000;

/** Rate limits and connection leases as records of the table `limits`. */
export function createLimitTable(client: DynamoDBDocumentClient, table: string): LimitTable {
  /** Last seen records: a guess at which form will be accepted saves a call. */
  const seen = new Map<string, LimitRecord>();

  async function read(pk: string): Promise<Record<string, unknown> | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }));
    return Item;
  }
  const remember = (key: string, record: LimitRecord): void => {
    if (seen.size >= MAX_KNOWN_KEYS) seen.clear();
    seen.set(key, record);
  };

  /** @returns the record after it, or undefined if the condition refused */
  async function update(pk: string, expression: { readonly update: string; readonly condition: string }, values: Record<string, unknown>, names?: Record<string, string>) {
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk },
          UpdateExpression: expression.update,
          ConditionExpression: expression.condition,
          ExpressionAttributeValues: values,
          ...(names && { ExpressionAttributeNames: names }),
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes ?? {};
    } catch (error) {
      if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return undefined;
      throw error;
    }
  }

  async function tryForm(form: 'idle' | 'busy', { key, limit, units, nowUs }: Reserve): Promise<LimitRecord | undefined> {
    const gen = seen.get(key)?.gen ?? 0;
    const amount = units * limit.unitUs;
    const values =
      form === 'idle'
        ? { ':after': nowUs + amount, ':zero': 0, ':one': 1, ':gen': gen, ':now': nowUs, ':ttl': Math.ceil((nowUs + amount) / US_PER_SECOND) + RECORD_LIFE_SECONDS }
        : { ':amount': amount, ':one': 1, ':gen': gen, ':now': nowUs, ':bound': busyBound(limit, units, nowUs) };
    const after = await update(key, LIMIT_EXPRESSIONS[form], values, form === 'idle' ? { '#ttl': 'ttl' } : undefined);
    return after as LimitRecord | undefined;
  }

  async function reserve(request: Reserve): Promise<Reservation> {
    const { key, limit, units, nowUs } = request;
    if (units > largestRequest(limit)) return { kind: 'refused', comeBackAtUs: Infinity };
    let comeBackAtUs = nowUs + limit.unitUs;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const forms = isIdle(seen.get(key), nowUs) ? (['idle', 'busy'] as const) : (['busy', 'idle'] as const);
      for (const form of forms) {
        const after = await tryForm(form, request);
        if (!after) continue;
        remember(key, after);
        return { kind: 'granted', startsUs: startsOf(limit, units, nowUs, after.tat) };
      }
      const record = (await read(key)) as LimitRecord | undefined;
      if (record === undefined) continue;
      remember(key, record);
      comeBackAtUs = Math.max(nowUs, comeBackAt(limit, units, record.tat));
      if (!isIdle(record, nowUs) && record.tat > busyBound(limit, units, nowUs)) break;
    }
    return { kind: 'refused', comeBackAtUs };
  }

  async function takeSlot(request: SlotRequest): Promise<SlotAnswer> {
    const { key, slots, held } = request;
    const candidates = Array.from({ length: slots }, (_, i) => i).filter((i) => !held.includes(i));
    const first = request.index ?? candidates[0];
    if (first !== undefined && (await tryLease(request, first))) return { kind: 'taken', index: first };
    const leases = ((await read(slotsKey(key))) ?? {}) as Record<string, Lease | undefined>;
    const free = candidates.filter((i) => isFree(leases[slotName(i)], request));
    for (const index of free) if (await tryLease(request, index)) return { kind: 'taken', index };
    const ends = candidates.map((i) => leases[slotName(i)]?.u ?? request.now);
    return { kind: 'none', freeAt: Math.min(...ends, request.until) + CLOCK_SKEW_MS };
  }

  async function tryLease({ key, owner, now, until }: SlotRequest, index: number): Promise<boolean> {
    const lease: Lease = { o: owner, u: until };
    const values = { ':lease': lease, ':me': owner, ':now': now - CLOCK_SKEW_MS, ':ttl': Math.ceil(until / MS_PER_SECOND) + RECORD_LIFE_SECONDS };
    const names = { '#slot': slotName(index), '#u': 'u', '#o': 'o', '#ttl': 'ttl' };
    return (await update(slotsKey(key), LIMIT_EXPRESSIONS.takeSlot, values, names)) !== undefined;
  }

  async function giveSlotBack({ key, index, owner }: { key: string; index: number; owner: string }): Promise<void> {
    await update(slotsKey(key), LIMIT_EXPRESSIONS.giveSlotBack, { ':me': owner }, { '#slot': slotName(index), '#o': 'o' });
  }
  return { reserve, takeSlot, giveSlotBack };
}

const slotsKey = (key: string): string => `slots#${key}`;
const slotName = (index: number): string => `s${index}`;
const isFree = (lease: Lease | undefined, { now, owner }: SlotRequest): boolean => lease === undefined || lease.u < now - CLOCK_SKEW_MS || lease.o === owner;
