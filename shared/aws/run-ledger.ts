import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { batchOf, isLeased } from '../batch-state.ts';
import { NoSuchRecordError } from '../errors.ts';
import { listPlace } from '../names.ts';
import type { Claim, ClaimAnswer, RunLedger, SettleAnswer, SettleRequest } from '../ports.ts';
import type { OpenRecord, PlannedRun, RunRecord, ShardRecord } from '../records.ts';
import { LEDGER_EXPRESSIONS as EXPRESSIONS } from './ledger-expressions.ts';
import { doneKey, listName, openKey, runKey, shardKey } from './ledger-keys.ts';
import * as updates from './ledger-updates.ts';
import { queryAll, readAllKeys } from './table-reads.ts';

/** The ledger on the table `progress`. A refused condition is followed by a read: it may be one's own call whose answer was lost. */
export function createRunLedger(client: DynamoDBDocumentClient, table: string): RunLedger {
  const read = async <T>(key: Record<string, string>): Promise<T | undefined> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: key, ConsistentRead: true }));
    return Item as T | undefined;
  };

  const put = async (item: Record<string, unknown>): Promise<void> => {
    await client.send(new PutCommand({ TableName: table, Item: item }));
  };

  const enlist = async ({ tenant, createdAt, run }: RunRecord): Promise<void> => {
    const sort = listPlace({ createdAt, run });
    for (const pk of [listName(), listName(tenant)]) await put({ pk, sort, v: 1, run });
  };

  const putIfAbsent = async (item: Record<string, unknown>): Promise<void> => {
    const command = new PutCommand({ TableName: table, Item: item, ConditionExpression: EXPRESSIONS.putIfAbsent });
    await client.send(command).catch(ignoreRefusal);
  };

  /** @returns the record afterwards, or undefined if the condition was refused */
  const update = async (input: Omit<UpdateCommandInput, 'TableName'>): Promise<Record<string, unknown> | undefined> => {
    const answer = await client.send(new UpdateCommand({ TableName: table, ReturnValues: 'ALL_NEW', ...input })).catch(ignoreRefusal);
    return answer?.Attributes;
  };

  const readRun = (run: string) => read<RunRecord>(runKey(run));
  const readShard = (run: string, shard: number) => read<ShardRecord>(shardKey(run, shard));

  const mustExist = async <T>(what: string, found: Promise<T | undefined>): Promise<T> => {
    const record = await found;
    if (!record) throw new NoSuchRecordError(`expected a record of ${what} in the ledger, found none`);
    return record;
  };

  return {
    async admit(record, open) {
      // OPEN first: from then on the sweep finishes the admission, whatever happens here.
      await put({ ...openKey(open.run), ...open });
      await putIfAbsent({ ...runKey(record.run), ...record });
      const stored = await mustExist(`run ${record.run}`, readRun(record.run));
      // As it is stored: who admits it a second time, with a time of its own, lists it at the same place.
      if (stored.deletedAt === undefined) await enlist(stored);
      return stored;
    },

    async recordRefusal(record) {
      await putIfAbsent({ ...runKey(record.run), ...record });
      await enlist(await mustExist(`run ${record.run}`, readRun(record.run)));
    },

    readRun,

    async markStarted(run, execution) {
      await update(updates.markStarted(run, execution));
    },

    async freezePlan(run, plan) {
      await update(updates.freezePlan(run, plan));
      return (await mustExist(`run ${run}`, readRun(run))) as PlannedRun;
    },

    putShard: (shard) => putIfAbsent({ ...shardKey(shard.run, shard.shard), ...shard }),

    readShard,

    async readShards(run, shards) {
      const found = await readAllKeys(client, table, shards.map((shard) => shardKey(run, shard)));
      return (found as unknown as ShardRecord[]).sort((a, b) => a.shard - b.shard);
    },

    async claim(claim) {
      const shard = await update(updates.claim(claim));
      if (shard) return { kind: 'claimed', shard: shard as unknown as ShardRecord };
      return judgeRefusedClaim(claim, await mustExist(`shard ${claim.run}/${claim.shard}`, readShard(claim.run, claim.shard)));
    },

    async settle(settlement) {
      const shard = await update(updates.settle(settlement));
      if (shard) return { kind: 'settled', shard: shard as unknown as ShardRecord };
      return judgeRefusedSettle(settlement, await mustExist(`shard ${settlement.run}/${settlement.shard}`, readShard(settlement.run, settlement.shard)));
    },

    async mark(mark) {
      return (await update(updates.mark(mark))) ? 'marked' : 'lost';
    },

    async addDone(run, shard) {
      const answer = await update(updates.addDone(run, shard));
      return (answer?.['done'] as Set<number> | undefined) ?? new Set();
    },

    async readDone(run) {
      // No record is the empty set: DynamoDB stores no empty set.
      return (await read<{ done: Set<number> }>(doneKey(run)))?.done ?? new Set();
    },

    async storeToken(request) {
      const stored = await update(updates.storeToken(request));
      const isStored = stored !== undefined || (await readRun(request.run))?.token === request.token;
      return isStored ? 'stored' : 'superseded';
    },

    async markAcked(run, token) {
      await update(updates.markAcked(run, token));
    },

    async markEnded(run, end) {
      await update(updates.markEnded(run, end));
      return mustExist(`run ${run}`, readRun(run));
    },

    async requestStop(run, stop) {
      await update(updates.requestStop(run, stop));
      return readRun(run);
    },

    async setPaused(run, isPaused, reason) {
      await update(isPaused ? updates.pause(run, reason) : updates.resume(run));
      return readRun(run);
    },

    async setQueued(run, queued) {
      await update(queued ? updates.queue(run, queued) : updates.letIn(run));
    },

    async restart(run, execution) {
      await update(updates.restart(run, execution));
      return readRun(run);
    },

    async listOpen() {
      return (await queryAll(client, table, 'OPEN')) as unknown as OpenRecord[];
    },

    async takeOffOpen(run) {
      await client.send(new DeleteCommand({ TableName: table, Key: openKey(run) }));
    },

    async listRuns(tenant, limit, before) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: before === undefined ? 'pk = :pk' : 'pk = :pk AND sort < :before',
          ExpressionAttributeValues: { ':pk': listName(tenant), ...(before !== undefined && { ':before': before }) },
          ScanIndexForward: false,
          Limit: limit,
        }),
      );
      const runs = await Promise.all(Items.map((item) => readRun(item['run'] as string)));
      return runs.filter((run) => run !== undefined);
    },
  };
}

/** Looks whether the owner is alive before it looks at q: a slow, live worker's batch must not be reported by someone else. */
function judgeRefusedClaim(claim: Claim, shard: ShardRecord): ClaimAnswer {
  const batch = batchOf(shard, claim.batch);
  if (batch.o === claim.owner && batch.q === claim.q) return { kind: 'claimed', shard };
  return isLeased(batch, claim.now) ? { kind: 'owned' } : { kind: 'settled', shard };
}

/** A part's id names its bytes, and these name their owner: h = my part means that it was me. */
function judgeRefusedSettle(settlement: SettleRequest, shard: ShardRecord): SettleAnswer {
  const isMine = batchOf(shard, settlement.batch).h === settlement.part;
  return { kind: isMine ? 'settled' : 'beaten', shard };
}

function ignoreRefusal(error: unknown): undefined {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
}
