import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { KeyRecord, KeyStore } from '../api-keys.ts';
import { SINGLE } from './ledger-keys.ts';
import { queryAll } from './table-reads.ts';

const keyOf = (id: string) => ({ pk: `KEY#${id}`, sort: SINGLE });
const listOf = (tenant: string) => `KEYS#${tenant}`;

/** Keys in the table `tenants`: one record that every request reads, and one that lists it. */
export function createKeyStore(client: DynamoDBDocumentClient, table: string): KeyStore {
  const read = async (id: string): Promise<KeyRecord | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: keyOf(id), ConsistentRead: true }));
    if (!Item) return undefined;
    const { pk: _pk, sort: _sort, ...record } = Item;
    return record as KeyRecord;
  };
  return {
    read,
    async list(tenant) {
      const listed = await queryAll(client, table, listOf(tenant));
      const records = await Promise.all(listed.map(({ sort }) => read(String(sort))));
      return records.filter((record) => record !== undefined).toSorted((a, b) => a.createdAt - b.createdAt);
    },
    async write(record) {
      // Listed first: a key that works is never one that nobody sees.
      await client.send(new PutCommand({ TableName: table, Item: { pk: listOf(record.tenant), sort: record.id } }));
      await client.send(new PutCommand({ TableName: table, Item: { ...keyOf(record.id), ...record } }));
    },
    async remove({ tenant, id }) {
      await client.send(new DeleteCommand({ TableName: table, Key: keyOf(id) }));
      await client.send(new DeleteCommand({ TableName: table, Key: { pk: listOf(tenant), sort: id } }));
    },
  };
}
