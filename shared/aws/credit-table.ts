import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, Credits } from '../ports.ts';
import { CREDIT_EXPRESSIONS as EXPRESSIONS } from './credit-expressions.ts';

const DAY_MS = 86_400_000;
/** DynamoDB's updates are short: the rest goes with a later hold. */
const BURIED_AT_ONCE = 20;

const keyOf = (tenant: string) => ({ pk: `TENANT#${tenant}`, sort: 'CREDITS' });

/** A standing hold is a number; a settled one a tombstone with the time of its settlement. */
type Holds = Readonly<Record<string, number | string>>;

const tombstoneAt = (ms: number): string => `settled ${ms}`;
const isOld = (hold: number | string, now: number): hold is string => typeof hold === 'string' && Number(hold.replace('settled ', '')) < now - DAY_MS;

/** Credits in the table `tenants`. A tenant without a record begins with a balance of 0. */
export function createCredits(client: DynamoDBDocumentClient, table: string, clock: Clock): Credits {
  const readHolds = async (tenant: string): Promise<Holds | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: keyOf(tenant), ConsistentRead: true }));
    return Item?.['holds'] as Holds | undefined;
  };

  const update = async (tenant: string, run: string, { update: UpdateExpression, condition, values }: { update: string; condition: string; values: Record<string, unknown> }) => {
    const command = new UpdateCommand({
      TableName: table,
      Key: keyOf(tenant),
      UpdateExpression,
      ConditionExpression: condition,
      ExpressionAttributeNames: { '#r': run },
      ExpressionAttributeValues: values,
    });
    return client.send(command).then(() => true, refused);
  };

  const open = async (tenant: string): Promise<void> => {
    const Item = { ...keyOf(tenant), v: 1, balance: 0, charged: 0, holds: {} };
    await client.send(new PutCommand({ TableName: table, Item, ConditionExpression: EXPRESSIONS.putIfAbsent })).catch(refused);
  };

  const bury = async (tenant: string, holds: Holds): Promise<void> => {
    const old = Object.entries(holds).filter(([, hold]) => isOld(hold, clock())).slice(0, BURIED_AT_ONCE);
    for (const [run, tombstone] of old) await update(tenant, run, { update: 'REMOVE holds.#r', condition: EXPRESSIONS.bury.condition, values: { ':tombstone': tombstone } });
  };

  return {
    async hold({ tenant, run, amount }) {
      const holds = await readHolds(tenant);
      if (!holds) await open(tenant);
      if (holds?.[run] !== undefined) return 'held';
      if (holds) await bury(tenant, holds);
      const isHeld = await update(tenant, run, { ...EXPRESSIONS.hold, values: { ':amount': amount } });
      // It may be one's own call whose answer was lost.
      return isHeld || (await readHolds(tenant))?.[run] !== undefined ? 'held' : 'refused';
    },

    async settle({ tenant, run, amount, charge }) {
      // A run from before there were credits has no hold.
      if ((await readHolds(tenant))?.[run] === undefined) return;
      const values = { ':amount': amount, ':tombstone': tombstoneAt(clock()), ':back': amount - charge, ':charge': charge };
      await update(tenant, run, { ...EXPRESSIONS.settle, values });
    },
  };
}

function refused(error: unknown): false {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
  return false;
}
