import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Clock, PaceStore } from '../ports.ts';

/** What tenants' items took, in the table `tenants`. A guess at the future: the last writer is right. */
export function createPaceStore(client: DynamoDBDocumentClient, table: string, clock: Clock): PaceStore {
  const keyOf = (tenant: string, processor: string) => ({ pk: `TENANT#${tenant}`, sort: `PACE#${processor}` });
  return {
    async readPace(tenant, processor) {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: keyOf(tenant, processor) }));
      return Item?.['msPerItem'] as number | undefined;
    },
    async writePace(tenant, processor, msPerItem) {
      const values = { ':ms': msPerItem, ':at': clock(), ':v': 1 };
      await client.send(new UpdateCommand({ TableName: table, Key: keyOf(tenant, processor), UpdateExpression: 'SET msPerItem = :ms, #at = :at, v = :v', ExpressionAttributeNames: { '#at': 'at' }, ExpressionAttributeValues: values }));
    },
  };
}
