import { type DynamoDBDocumentClient, GetCommand, paginateQuery, PutCommand } from '@aws-sdk/lib-dynamodb';
import { DEFAULT_TENANT_SETTINGS, type TenantSettings, tenantSettingsSchema } from '../tenant-settings.ts';
import type { TenantStore } from '../ports.ts';

/** All under one key: they are listed together, and few are written. */
const PARTITION = 'SETTINGS';

/** The settings of tenants in the table `tenants`. */
export function createTenantStore(client: DynamoDBDocumentClient, table: string): TenantStore {
  return {
    async readSettings(tenant) {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: PARTITION, sort: tenant }, ConsistentRead: true }));
      return settingsOf(Item);
    },
    async writeSettings(tenant, settings) {
      await client.send(new PutCommand({ TableName: table, Item: { pk: PARTITION, sort: tenant, v: 1, settings } }));
    },
    async listSettings() {
      const found = new Map<string, TenantSettings>();
      const pages = paginateQuery({ client }, { TableName: table, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': PARTITION }, ConsistentRead: true });
      for await (const { Items = [] } of pages) for (const item of Items) found.set(item['sort'] as string, settingsOf(item));
      return found;
    },
  };
}

/** A record of a later release may hold what this one does not know: better the defaults than a dispatcher that stands still. */
const settingsOf = (item: Record<string, unknown> | undefined): TenantSettings => tenantSettingsSchema.safeParse(item?.['settings'] ?? {}).data ?? DEFAULT_TENANT_SETTINGS;
