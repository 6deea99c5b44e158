import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { LaneStore } from '../ports.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

const KEY = { pk: 'LANES' };

interface LaneItem {
  readonly stamp: string;
  readonly body: Uint8Array;
}

/** The lanes as one gzip record of the table `lanes`. */
export function createLaneStore(client: DynamoDBDocumentClient, table: string): LaneStore {
  const readItem = async (): Promise<LaneItem | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: KEY, ConsistentRead: true }));
    return Item as LaneItem | undefined;
  };

  return {
    async read() {
      const item = await readItem();
      return item && { stamp: item.stamp, state: JSON.parse((await unzip(item.body)).toString()) as unknown };
    },

    async write(before, { stamp, state }) {
      const body = await zip(JSON.stringify(state));
      const condition =
        before === undefined
          ? { ConditionExpression: 'attribute_not_exists(pk)' }
          : { ConditionExpression: 'stamp = :before', ExpressionAttributeValues: { ':before': before } };
      try {
        await client.send(new PutCommand({ TableName: table, Item: { ...KEY, stamp, body }, ...condition }));
        return true;
      } catch (error) {
        if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
        // It may be one's own write whose answer was lost.
        return (await readItem())?.stamp === stamp;
      }
    },
  };
}
