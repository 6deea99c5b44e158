import { BatchGetCommand, type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';

type Item = Record<string, unknown>;

/** DynamoDB: at most 100 keys a BatchGetItem. */
const KEYS_PER_BATCH_GET = 100;

/** Consistent. Items that do not exist are left out; the order is the table's. */
export async function readAllKeys(client: DynamoDBDocumentClient, table: string, keys: readonly Item[]): Promise<Item[]> {
  const found: Item[] = [];
  for (let i = 0; i < keys.length; i += KEYS_PER_BATCH_GET) found.push(...(await readPage(client, table, keys.slice(i, i + KEYS_PER_BATCH_GET))));
  return found;
}

async function readPage(client: DynamoDBDocumentClient, table: string, wanted: Item[]): Promise<Item[]> {
  const found: Item[] = [];
  for (let keys = wanted; keys.length > 0; ) {
    const answer = await client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }));
    found.push(...(answer.Responses?.[table] ?? []));
    // DynamoDB answers at most 16 MB, and less under load.
    keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return found;
}

/** Consistent: every item of a partition, in the order of its sort key. */
export async function queryAll(client: DynamoDBDocumentClient, table: string, pk: string): Promise<Item[]> {
  const items: Item[] = [];
  let start: Item | undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': pk },
        ConsistentRead: true,
        ...(start && { ExclusiveStartKey: start }),
      }),
    );
    items.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start);
  return items;
}
