import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, CreditAccount, CreditAccounts } from '../ports.ts';
import { CREDIT_EXPRESSIONS as EXPRESSIONS } from './credit-expressions.ts';
import { creditKey, newAccount } from './credit-table.ts';

interface StoredAccount {
  readonly balance: number;
  readonly charged: number;
  readonly holds: Readonly<Record<string, number | string>>;
  /** Id -> `<credits> <milliseconds since the epoch>`; a number alone was written by an earlier release. */
  readonly adds?: Readonly<Record<string, number | string>>;
}

/** An id that comes again later than this counts again. */
const REMEMBERED_MS = 30 * 86_400_000;
/** DynamoDB's updates are short: the rest goes with a later addition. */
const FORGOTTEN_AT_ONCE = 20;

const isOld = (note: number | string, now: number): boolean => typeof note === 'string' && Number(note.split(' ')[1]) < now - REMEMBERED_MS;

/** What operators see and change of the credits in the table `tenants`. */
export function createCreditAccounts(client: DynamoDBDocumentClient, table: string, clock: Clock): CreditAccounts {
  const read = async (tenant: string): Promise<StoredAccount | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: creditKey(tenant), ConsistentRead: true }));
    return Item as StoredAccount | undefined;
  };

  const update = async (tenant: string, expression: { update: string; condition: string }, names: Record<string, string> | undefined, values: Record<string, unknown>): Promise<boolean> => {
    const command = new UpdateCommand({
      TableName: table,
      Key: creditKey(tenant),
      UpdateExpression: expression.update,
      ConditionExpression: expression.condition,
      ...(names && { ExpressionAttributeNames: names }),
      ExpressionAttributeValues: values,
    });
    return client.send(command).then(() => true, refused);
  };

  const prepare = async (tenant: string): Promise<StoredAccount | undefined> => {
    const Item = newAccount(tenant);
    await client.send(new PutCommand({ TableName: table, Item, ConditionExpression: EXPRESSIONS.putIfAbsent })).catch(refused);
    await update(tenant, EXPRESSIONS.openAdds, undefined, { ':none': {} });
    return read(tenant);
  };

  const forget = async (tenant: string, adds: NonNullable<StoredAccount['adds']>): Promise<void> => {
    const old = Object.entries(adds).filter(([, note]) => isOld(note, clock())).slice(0, FORGOTTEN_AT_ONCE);
    for (const [id, note] of old) await update(tenant, EXPRESSIONS.forgetAddition, { '#id': id }, { ':note': note });
  };

  return {
    async read(tenant) {
      const account = await read(tenant);
      return account && describe(account);
    },

    async add({ tenant, amount, id }) {
      const before = await prepare(tenant);
      if (before?.adds?.[id] !== undefined) return 'seen';
      if (before?.adds) await forget(tenant, before.adds);
      const values = { ':amount': amount, ':note': `${amount} ${clock()}`, ':least': Math.max(0, -amount) };
      if (await update(tenant, EXPRESSIONS.add, { '#id': id }, values)) return 'added';
      // It may be one's own call whose answer was lost.
      return (await read(tenant))?.adds?.[id] === undefined ? 'too little' : 'seen';
    },
  };
}

const describe = ({ balance, charged, holds }: StoredAccount): CreditAccount => ({
  balance,
  held: Object.values(holds).reduce((sum: number, hold) => sum + (typeof hold === 'number' ? hold : 0), 0),
  charged,
});

function refused(error: unknown): false {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
  return false;
}
