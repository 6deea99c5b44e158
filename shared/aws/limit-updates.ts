import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

export interface Expression {
  readonly update: string;
  /** @default always */
  readonly condition?: string;
}

export interface ExpressionValues {
  readonly values?: Readonly<Record<string, unknown>>;
  readonly names?: Readonly<Record<string, string>>;
}

export type LimitRows = ReturnType<typeof createLimitRows>;

/** A day after its last use a record goes by itself. */
const RECORD_LIFE_SECONDS = 86_400;
export const expiryOf = (ms: number): number => Math.ceil(ms / 1000) + RECORD_LIFE_SECONDS;

/** Reads and conditional writes of single records of one table. */
export function createLimitRows(client: DynamoDBDocumentClient, table: string) {
  return {
    async read(pk: string): Promise<Record<string, unknown> | undefined> {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }));
      return Item;
    },

    /** @returns the record after it, or undefined if the condition refused */
    async update(pk: string, { update, condition }: Expression, { values, names }: ExpressionValues): Promise<Record<string, unknown> | undefined> {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            TableName: table,
            Key: { pk },
            UpdateExpression: update,
            ...(condition !== undefined && { ConditionExpression: condition }),
            ...(values && { ExpressionAttributeValues: values }),
            ...(names && { ExpressionAttributeNames: names }),
            ReturnValues: 'ALL_NEW',
          }),
        );
        return Attributes ?? {};
      } catch (error) {
        if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return undefined;
        throw error;
      }
    },
  };
}
