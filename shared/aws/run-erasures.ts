import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { listPlace } from '../names.ts';
import type { RunErasures } from '../ports.ts';
import type { DeletedRecord, RunRecord } from '../records.ts';
import { deletedKey, doneKey, listName, runKey, shardKey } from './ledger-keys.ts';
import { queryAll } from './table-reads.ts';

/** The record of a deleted run goes after so many days: until then a late event of its upload does not make it anew. */
const TOMBSTONE_DAYS = 7;
const DAY_SECONDS = 86_400;
const MS_PER_SECOND = 1000;
const ENDED = '#state = :finished OR #state = :failed';

/** Deleted runs, in the table `progress`. */
export function createRunErasures(client: DynamoDBDocumentClient, table: string): RunErasures {
  const remove = async (Key: Record<string, string>): Promise<void> => {
    await client.send(new DeleteCommand({ TableName: table, Key }));
  };

  const takeOffLists = async ({ tenant, run, createdAt }: Pick<RunRecord, 'tenant' | 'run' | 'createdAt'>): Promise<void> => {
    const sort = listPlace({ createdAt, run });
    for (const pk of [listName(), listName(tenant)]) await remove({ pk, sort });
  };

  return {
    async markDeleted({ run, tenant, createdAt, source, totals }, at) {
      // First what makes the erasure certain: it looks again whether the run is marked.
      const deleted: DeletedRecord = { v: 1, run, tenant, createdAt, source, shards: totals?.shards ?? 0, at: new Date(at).toISOString() };
      await client.send(new PutCommand({ TableName: table, Item: { ...deletedKey(run), ...deleted } }));
      const update = new UpdateCommand({
        TableName: table,
        Key: runKey(run),
        UpdateExpression: 'SET deletedAt = if_not_exists(deletedAt, :at), #ttl = :ttl',
        ConditionExpression: ENDED,
        ExpressionAttributeNames: { '#state': 'state', '#ttl': 'ttl' },
        ExpressionAttributeValues: { ':at': deleted.at, ':ttl': Math.ceil(at / MS_PER_SECOND) + TOMBSTONE_DAYS * DAY_SECONDS, ':finished': 'finished', ':failed': 'failed' },
      });
      const isMarked = await client.send(update).then(() => true, refused);
      if (isMarked) await takeOffLists({ run, tenant, createdAt });
      else await remove(deletedKey(run));
      return isMarked;
    },

    listDeleted: async () => (await queryAll(client, table, deletedKey('').pk)) as unknown as DeletedRecord[],

    async listOlder(tenant, before, limit, after = '') {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND sort BETWEEN :after AND :before',
          // The least place above the last one; no place is a time alone, so that `before` is none.
          ExpressionAttributeValues: { ':pk': listName(tenant), ':after': `${after}\u0000`, ':before': before },
          Limit: limit,
        }),
      );
      return Items.map((item) => ({ run: item['run'] as string, place: item['sort'] as string }));
    },

    async forget(deleted) {
      await takeOffLists(deleted);
      for (let shard = 0; shard < deleted.shards; shard++) await remove(shardKey(deleted.run, shard));
      await remove(doneKey(deleted.run));
      await remove(deletedKey(deleted.run));
    },

    dropMark: (run) => remove(deletedKey(run)),
  };
}

function refused(error: unknown): false {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
  return false;
}
