import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { batchOf, isBatchDone, isLeased, settledBatch } from '../batch-state.ts';
import { NoSuchRecordError } from '../errors.ts';
import type { Claim, ClaimAnswer, RunLedger, SettleAnswer, SettleRequest } from '../ports.ts';
import type { OpenRecord, PlannedRun, RunRecord, ShardRecord } from '../records.ts';
import { LEDGER_EXPRESSIONS as EXPRESSIONS } from './ledger-expressions.ts';

/** Items without an order of their own have this sort key. */
const SINGLE = '-';
/** DynamoDB: at most 100 keys a BatchGetItem. */
const KEYS_PER_BATCH_GET = 100;

const runKey = (run: string) => ({ pk: `RUN#${run}`, sort: SINGLE });
const doneKey = (run: string) => ({ pk: `DONE#${run}`, sort: SINGLE });
const shardKey = (run: string, shard: number) => ({ pk: `SHARD#${run}#${shard}`, sort: SINGLE });
const openKey = (run: string) => ({ pk: 'OPEN', sort: run });
/** Runs by time, of all tenants and of one; the run's id makes the key unique. */
const listName = (tenant?: string) => (tenant === undefined ? 'RUNS' : `RUNS#${tenant}`);

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
    const sort = `${createdAt}#${run}`;
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
      await enlist(record);
      await putIfAbsent({ ...runKey(record.run), ...record });
      return mustExist(`run ${record.run}`, readRun(record.run));
    },

    async recordRefusal(record) {
      await enlist(record);
      await putIfAbsent({ ...runKey(record.run), ...record });
    },

    readRun,

    async markStarted(run, execution) {
      await update({
        Key: runKey(run),
        UpdateExpression: EXPRESSIONS.markStarted.update,
        ConditionExpression: EXPRESSIONS.markStarted.condition,
        ExpressionAttributeValues: { ':execution': execution },
      });
    },

    async freezePlan(run, plan) {
      await update({
        Key: runKey(run),
        UpdateExpression: EXPRESSIONS.freezePlan.update,
        ConditionExpression: EXPRESSIONS.freezePlan.condition,
        ExpressionAttributeNames: { '#plan': 'plan' },
        ExpressionAttributeValues: { ':nonce': plan.nonce, ':totals': plan.totals },
      });
      return (await mustExist(`run ${run}`, readRun(run))) as PlannedRun;
    },

    putShard: (shard) => putIfAbsent({ ...shardKey(shard.run, shard.shard), ...shard }),

    readShard,

    async readShards(run, shards) {
      const found: ShardRecord[] = [];
      for (let i = 0; i < shards.length; i += KEYS_PER_BATCH_GET) {
        found.push(...(await readShardPage(client, table, run, shards.slice(i, i + KEYS_PER_BATCH_GET))));
      }
      return found.sort((a, b) => a.shard - b.shard);
    },

    async claim(claim) {
      const shard = await update({
        Key: shardKey(claim.run, claim.shard),
        UpdateExpression: EXPRESSIONS.claim.update,
        ConditionExpression: EXPRESSIONS.claim.condition,
        ExpressionAttributeNames: { '#k': String(claim.batch), '#a': 'a', '#u': 'u', '#o': 'o', '#q': 'q' },
        ExpressionAttributeValues: { ':one': 1, ':until': claim.until, ':me': claim.owner, ':q': claim.q, ':now': claim.now },
      });
      if (shard) return { kind: 'claimed', shard: shard as unknown as ShardRecord };
      return judgeRefusedClaim(claim, await mustExist(`shard ${claim.run}/${claim.shard}`, readShard(claim.run, claim.shard)));
    },

    async settle(settlement) {
      const shard = await update(settleUpdate(settlement));
      if (shard) return { kind: 'settled', shard: shard as unknown as ShardRecord };
      return judgeRefusedSettle(settlement, await mustExist(`shard ${settlement.run}/${settlement.shard}`, readShard(settlement.run, settlement.shard)));
    },

    async addDone(run, shard) {
      const answer = await update({
        Key: doneKey(run),
        UpdateExpression: EXPRESSIONS.addDone,
        ExpressionAttributeNames: { '#v': 'v' },
        ExpressionAttributeValues: { ':shards': new Set([shard]), ':v': 1 },
      });
      return (answer?.['done'] as Set<number> | undefined) ?? new Set();
    },

    async readDone(run) {
      // No record is the empty set: DynamoDB stores no empty set.
      return (await read<{ done: Set<number> }>(doneKey(run)))?.done ?? new Set();
    },

    async storeToken({ run, token, execution, attempt }) {
      const stored = await update({
        Key: runKey(run),
        UpdateExpression: EXPRESSIONS.storeToken.update,
        ConditionExpression: EXPRESSIONS.storeToken.condition,
        ExpressionAttributeNames: { '#token': 'token' },
        ExpressionAttributeValues: { ':token': token, ':me': execution, ':attempt': attempt },
      });
      const isStored = stored !== undefined || (await readRun(run))?.token === token;
      return isStored ? 'stored' : 'superseded';
    },

    async markAcked(run, token) {
      await update({
        Key: runKey(run),
        UpdateExpression: EXPRESSIONS.markAcked.update,
        ConditionExpression: EXPRESSIONS.markAcked.condition,
        ExpressionAttributeNames: { '#token': 'token' },
        ExpressionAttributeValues: { ':token': token },
      });
    },

    async markEnded(run, end) {
      await update(endUpdate(run, end));
      return mustExist(`run ${run}`, readRun(run));
    },

    async listOpen() {
      return (await queryAll(client, table, 'OPEN')) as unknown as OpenRecord[];
    },

    async takeOffOpen(run) {
      await client.send(new DeleteCommand({ TableName: table, Key: openKey(run) }));
    },

    async listRuns(tenant, limit) {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': listName(tenant) },
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

function settleUpdate(settlement: SettleRequest): Omit<UpdateCommandInput, 'TableName'> {
  const { run, shard, batch, q, owner, counts } = settlement;
  const next = settledBatch(q, settlement);
  return {
    Key: shardKey(run, shard),
    UpdateExpression: EXPRESSIONS.settle.update,
    ConditionExpression: owner === undefined ? EXPRESSIONS.settle.conditionOnQ : EXPRESSIONS.settle.condition,
    ExpressionAttributeNames: { '#k': String(batch), '#q': 'q', ...(owner !== undefined && { '#o': 'o' }) },
    ExpressionAttributeValues: {
      ':new': next,
      ':ok': counts.ok,
      ':ko': counts.ko,
      ':sk': counts.sk,
      ':nd': isBatchDone(next) ? 1 : 0,
      ':q': q,
      ...(owner !== undefined && { ':me': owner }),
    },
  };
}

function endUpdate(run: string, { state, finishedAt, error }: Parameters<RunLedger['markEnded']>[1]): Omit<UpdateCommandInput, 'TableName'> {
  const { update: plain, updateWithError, condition } = EXPRESSIONS.markEnded;
  return {
    Key: runKey(run),
    UpdateExpression: error === undefined ? plain : updateWithError,
    ConditionExpression: condition,
    ExpressionAttributeNames: { '#state': 'state', ...(error !== undefined && { '#error': 'error' }) },
    ExpressionAttributeValues: {
      ':state': state,
      ':at': finishedAt,
      ':finished': 'finished',
      ':failed': 'failed',
      ...(error !== undefined && { ':error': error }),
    },
  };
}

async function readShardPage(client: DynamoDBDocumentClient, table: string, run: string, shards: readonly number[]): Promise<ShardRecord[]> {
  const found: ShardRecord[] = [];
  let keys: Record<string, unknown>[] = shards.map((shard) => shardKey(run, shard));
  while (keys.length > 0) {
    const answer = await client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: keys, ConsistentRead: true } } }));
    found.push(...((answer.Responses?.[table] ?? []) as ShardRecord[]));
    // DynamoDB answers at most 16 MB, and less under load.
    keys = answer.UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return found;
}

async function queryAll(client: DynamoDBDocumentClient, table: string, pk: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let start: Record<string, unknown> | undefined;
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

function ignoreRefusal(error: unknown): undefined {
  if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
}
