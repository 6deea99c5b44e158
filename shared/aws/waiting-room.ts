import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Waiting, WaitingRoom } from '../ports.ts';
import { queryAll } from './table-reads.ts';

/** All under one key: they are listed together, one for each tenant that has a cap. */
const PARTITION = 'QUEUE';

/** As for credits, one item a tenant: places are taken once a run, and given back only as they stand. `#r` is the run's id. */
const EXPRESSIONS = {
  putIfAbsent: 'attribute_not_exists(pk)',
  /** `:room`: so many may wait already, at most. A run that is larger than the cap gets in when nothing waits. */
  enter: { update: 'SET holds.#r = :items, waiting = waiting + :items REMOVE line.#r', condition: 'attribute_not_exists(holds.#r) AND waiting <= :room' },
  queue: { update: 'SET line.#r = :items', condition: 'attribute_not_exists(holds.#r)' },
  shrink: { update: 'SET holds.#r = :items, waiting = waiting - :gone, gone = gone + :gone', condition: 'holds.#r = :seen' },
  leave: { update: 'SET waiting = waiting - :seen, gone = gone + :seen REMOVE holds.#r, line.#r', condition: 'holds.#r = :seen' },
  leaveLine: { update: 'REMOVE line.#r', condition: 'attribute_exists(line.#r)' },
  look: { update: 'SET ratedAt = :at, goneThen = :gone', condition: 'attribute_exists(pk)' },
  rate: { update: 'SET rate = :rate, ratedAt = :at, goneThen = :gone', condition: 'attribute_exists(pk)' },
} as const;

type Expression = { readonly update: string; readonly condition: string };

/** Waiting items of tenants with a cap, in the table `tenants`. */
export function createWaitingRoom(client: DynamoDBDocumentClient, table: string): WaitingRoom {
  const read = async (tenant: string): Promise<Waiting | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: PARTITION, sort: tenant }, ConsistentRead: true }));
    return Item && waitingOf(Item);
  };

  const update = async (tenant: string, { update: UpdateExpression, condition }: Expression, values: Record<string, unknown>, run?: string): Promise<boolean> => {
    const command = new UpdateCommand({
      TableName: table,
      Key: { pk: PARTITION, sort: tenant },
      UpdateExpression,
      ConditionExpression: condition,
      ...(run !== undefined && { ExpressionAttributeNames: { '#r': run } }),
      ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
    });
    return client.send(command).then(() => true, refused);
  };

  const open = async (tenant: string): Promise<void> => {
    const Item = { pk: PARTITION, sort: tenant, v: 1, waiting: 0, gone: 0, holds: {}, line: {} };
    await client.send(new PutCommand({ TableName: table, Item, ConditionExpression: EXPRESSIONS.putIfAbsent })).catch(refused);
  };

  return {
    read,

    async enter({ tenant, run, items, cap, joinsLine }) {
      const before = await read(tenant);
      if (before?.holds[run] !== undefined) return { kind: 'in' };
      if (!before) await open(tenant);
      const isNext = before === undefined || before.line[run] !== undefined || Object.keys(before.line).length === 0;
      if (isNext && (await update(tenant, EXPRESSIONS.enter, { ':items': items, ':room': Math.max(0, cap - items) }, run))) return { kind: 'in' };
      // It may be one's own call whose answer was lost.
      if ((await read(tenant))?.holds[run] !== undefined) return { kind: 'in' };
      if (joinsLine) await update(tenant, EXPRESSIONS.queue, { ':items': items }, run);
      return { kind: 'full', waiting: (await read(tenant))! };
    },

    async shrink({ tenant, run, items, seen }) {
      if (items < seen) await update(tenant, EXPRESSIONS.shrink, { ':items': items, ':seen': seen, ':gone': seen - items }, run);
    },

    async leave(tenant, run) {
      const before = await read(tenant);
      const seen = before?.holds[run];
      if (seen !== undefined && !(await update(tenant, EXPRESSIONS.leave, { ':seen': seen }, run))) return this.leave(tenant, run);
      if (before?.line[run] !== undefined) await update(tenant, EXPRESSIONS.leaveLine, {}, run);
    },

    async noteRate(tenant, { itemsPerSecond, at, gone }) {
      const expression = itemsPerSecond === undefined ? EXPRESSIONS.look : EXPRESSIONS.rate;
      await update(tenant, expression, { ...(itemsPerSecond !== undefined && { ':rate': itemsPerSecond }), ':at': at, ':gone': gone });
    },

    async list() {
      return new Map((await queryAll(client, table, PARTITION)).map((item) => [item['sort'] as string, waitingOf(item)]));
    },
  };
}

function waitingOf(item: Record<string, unknown>): Waiting {
  const { waiting, gone, holds, line, rate, ratedAt, goneThen } = item as { waiting: number; gone: number; holds: Record<string, number>; line: Record<string, number>; rate?: number; ratedAt?: number; goneThen?: number };
  return { waiting, gone, holds, line, ...(rate !== undefined && { itemsPerSecond: rate }), ...(ratedAt !== undefined && { ratedAt }), ...(goneThen !== undefined && { goneThen }) };
}

function refused(error: unknown): false {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
  return false;
}
