import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, Credits, HoldAnswer } from '../ports.ts';
import { CREDIT_EXPRESSIONS as EXPRESSIONS } from './credit-expressions.ts';

const DAY_MS = 86_400_000;
/** DynamoDB's updates are short: the rest goes with a later hold. */
const BURIED_AT_ONCE = 20;

export const creditKey = (tenant: string) => ({ pk: `TENANT#${tenant}`, sort: 'CREDITS' });

/** A tenant that nobody gave credits. */
export const newAccount = (tenant: string) => ({ ...creditKey(tenant), v: 1, balance: 0, charged: 0, holds: {} });

/** A standing hold is a number; a settled one a tombstone with the time of its settlement. */
type Holds = Readonly<Record<string, number | string>>;

interface Account {
  readonly balance: number;
  readonly holds: Holds;
}

const tombstoneAt = (ms: number): string => `settled ${ms}`;
const isOld = (hold: number | string, now: number): hold is string => typeof hold === 'string' && Number(hold.replace('settled ', '')) < now - DAY_MS;

/** Credits in the table `tenants`. A tenant without a record begins with a balance of 0. */
export function createCredits(client: DynamoDBDocumentClient, table: string, clock: Clock): Credits {
  const read = async (tenant: string): Promise<Account | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: creditKey(tenant), ConsistentRead: true }));
    return Item as Account | undefined;
  };

  const update = async (tenant: string, run: string, { update: UpdateExpression, condition, values }: { update: string; condition: string; values: Record<string, unknown> }) => {
    const command = new UpdateCommand({
      TableName: table,
      Key: creditKey(tenant),
      UpdateExpression,
      ConditionExpression: condition,
      ExpressionAttributeNames: { '#r': run },
      ExpressionAttributeValues: values,
    });
    return client.send(command).then(() => true, refused);
  };

  const open = async (tenant: string): Promise<void> => {
    const Item = newAccount(tenant);
    await client.send(new PutCommand({ TableName: table, Item, ConditionExpression: EXPRESSIONS.putIfAbsent })).catch(refused);
  };

  const bury = async (tenant: string, holds: Holds): Promise<void> => {
    const old = Object.entries(holds).filter(([, hold]) => isOld(hold, clock())).slice(0, BURIED_AT_ONCE);
    for (const [run, tombstone] of old) await update(tenant, run, { update: 'REMOVE holds.#r', condition: EXPRESSIONS.bury.condition, values: { ':tombstone': tombstone } });
  };

  const hold = async ({ tenant, run, amount }: { tenant: string; run: string; amount: number }): Promise<HoldAnswer> => {
    const account = await read(tenant);
    if (!account) await open(tenant);
    if (account?.holds[run] !== undefined) return { kind: 'held' };
    if (account) await bury(tenant, account.holds);
    if (await update(tenant, run, { ...EXPRESSIONS.hold, values: { ':amount': amount } })) return { kind: 'held' };
    const seen = await read(tenant);
    // It may be one's own call whose answer was lost.
    return seen?.holds[run] === undefined ? { kind: 'refused', balance: seen?.balance ?? 0 } : { kind: 'held' };
  };

  return {
    hold,

    async settle({ tenant, run, charge }) {
      // A run that held nothing holds nothing, in a hold of its own: a reservation that comes late finds it.
      await hold({ tenant, run, amount: 0 });
      const amount = (await read(tenant))?.holds[run];
      if (typeof amount !== 'number') return;
      const cost = Math.min(amount, charge);
      const values = { ':amount': amount, ':tombstone': tombstoneAt(clock()), ':back': amount - cost, ':charge': cost };
      await update(tenant, run, { ...EXPRESSIONS.settle, values });
    },
  };
}

function refused(error: unknown): false {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
  return false;
}
