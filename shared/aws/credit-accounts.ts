import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { CreditAccount, CreditAccounts } from '../ports.ts';
import { CREDIT_EXPRESSIONS as EXPRESSIONS } from './credit-expressions.ts';
import { creditKey, newAccount } from './credit-table.ts';

interface StoredAccount {
  readonly balance: number;
  readonly charged: number;
  readonly holds: Readonly<Record<string, number | string>>;
  readonly adds?: Readonly<Record<string, number>>;
}

/** What operators see and change of the credits in the table `tenants`. */
export function createCreditAccounts(client: DynamoDBDocumentClient, table: string): CreditAccounts {
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

  return {
    async read(tenant) {
      const account = await read(tenant);
      return account && describe(account);
    },

    async add({ tenant, amount, id }) {
      const before = await prepare(tenant);
      if (before?.adds?.[id] !== undefined) return 'seen';
      if (await update(tenant, EXPRESSIONS.add, { '#id': id }, { ':amount': amount, ':least': Math.max(0, -amount) })) return 'added';
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
