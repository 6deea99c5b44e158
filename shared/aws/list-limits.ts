import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { LimitState } from '../limiting/rate-table.ts';

/** Every record that has a limit's rate, for an operator: it reads the whole table, which holds the keys of a day. */
export async function listLimits(client: DynamoDBDocumentClient, table: string): Promise<readonly (readonly [key: string, record: LimitState])[]> {
  const records: [string, LimitState][] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
    for (const { pk, ...record } of Items) if ('tat' in record) records.push([String(pk), record as unknown as LimitState]);
  }
  return records;
}
