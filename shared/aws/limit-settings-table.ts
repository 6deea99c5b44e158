import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { RateSetting } from '../limit-language.ts';
import type { LimitSettings } from '../limit-settings.ts';
import type { LimitSettingsStore } from '../limiting/settings-store.ts';

/** One record of the table `limits`: no key of a limit has this form. */
const SETTINGS_KEY = 'settings';

/** The settings as one map: workers read them with one call. */
export function createLimitSettings(client: DynamoDBDocumentClient, table: string): LimitSettingsStore {
  const target = { TableName: table, Key: { pk: SETTINGS_KEY } };
  return {
    async read() {
      const { Item } = await client.send(new GetCommand({ ...target, ConsistentRead: true }));
      return (Item?.['limits'] ?? {}) as LimitSettings;
    },
    async set(pattern, setting: RateSetting) {
      await client.send(new UpdateCommand({ ...target, UpdateExpression: 'SET #limits = if_not_exists(#limits, :none)', ExpressionAttributeNames: { '#limits': 'limits' }, ExpressionAttributeValues: { ':none': {} } }));
      await client.send(
        new UpdateCommand({ ...target, UpdateExpression: 'SET #limits.#pattern = :setting', ExpressionAttributeNames: { '#limits': 'limits', '#pattern': pattern }, ExpressionAttributeValues: { ':setting': setting } }),
      );
    },
    async unset(pattern) {
      const names = { '#limits': 'limits', '#pattern': pattern };
      const { Attributes } = await client.send(
        new UpdateCommand({ ...target, UpdateExpression: 'REMOVE #limits.#pattern', ExpressionAttributeNames: names, ConditionExpression: 'attribute_exists(#limits)', ReturnValues: 'ALL_OLD' }),
      ).catch((error: unknown) => {
        if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return { Attributes: undefined };
        throw error;
      });
      return ((Attributes?.['limits'] ?? {}) as LimitSettings)[pattern] !== undefined;
    },
  };
}
