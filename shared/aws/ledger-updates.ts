import type { UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { isBatchDone, settledBatch } from '../batch-state.ts';
import type { CarefulMark, Claim, RunLedger, SettleRequest } from '../ports.ts';
import type { QueuedState, RunStop } from '../records.ts';
import type { Totals } from '../rows.ts';
import { LEDGER_EXPRESSIONS as EXPRESSIONS } from './ledger-expressions.ts';
import { doneKey, runKey, shardKey } from './ledger-keys.ts';

/** The ledger's expressions with their names and values: one update each, still without its table. */

type Update = Omit<UpdateCommandInput, 'TableName'>;

export const freezePlan = (run: string, { nonce, totals }: { nonce: string; totals: Totals }): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.freezePlan.update,
  ConditionExpression: EXPRESSIONS.freezePlan.condition,
  ExpressionAttributeNames: { '#plan': 'plan' },
  ExpressionAttributeValues: { ':nonce': nonce, ':totals': totals },
});

export const claim = ({ run, shard, batch, q, owner, now, until }: Claim): Update => ({
  Key: shardKey(run, shard),
  UpdateExpression: EXPRESSIONS.claim.update,
  ConditionExpression: EXPRESSIONS.claim.condition,
  ExpressionAttributeNames: { '#k': String(batch), '#a': 'a', '#u': 'u', '#o': 'o', '#q': 'q' },
  ExpressionAttributeValues: { ':one': 1, ':until': until, ':me': owner, ':q': q, ':now': now },
});

export const mark = ({ run, shard, batch, q, owner, ordinal, times }: CarefulMark): Update => ({
  Key: shardKey(run, shard),
  UpdateExpression: EXPRESSIONS.mark.update,
  ConditionExpression: EXPRESSIONS.mark.condition,
  ExpressionAttributeNames: { '#k': String(batch), '#d': 'd', '#dn': 'dn', '#q': 'q', '#o': 'o' },
  ExpressionAttributeValues: { ':ordinal': ordinal, ':times': times, ':q': q, ':me': owner },
});

export function settle(settlement: SettleRequest): Update {
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

export const addDone = (run: string, shard: number): Update => ({
  Key: doneKey(run),
  UpdateExpression: EXPRESSIONS.addDone,
  ExpressionAttributeNames: { '#v': 'v' },
  ExpressionAttributeValues: { ':shards': new Set([shard]), ':v': 1 },
});

export const storeToken = ({ run, token, execution, attempt }: Parameters<RunLedger['storeToken']>[0]): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.storeToken.update,
  ConditionExpression: EXPRESSIONS.storeToken.condition,
  ExpressionAttributeNames: { '#token': 'token' },
  ExpressionAttributeValues: { ':token': token, ':me': execution, ':attempt': attempt },
});

export const markStarted = (run: string, execution: string): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.markStarted.update,
  ConditionExpression: EXPRESSIONS.markStarted.condition,
  ExpressionAttributeValues: { ':execution': execution },
});

export const markAcked = (run: string, token: string): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.markAcked.update,
  ConditionExpression: EXPRESSIONS.markAcked.condition,
  ExpressionAttributeNames: { '#token': 'token' },
  ExpressionAttributeValues: { ':token': token },
});

export const requestStop = (run: string, stop: RunStop): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.requestStop.update,
  ConditionExpression: EXPRESSIONS.requestStop.condition,
  ExpressionAttributeNames: { '#state': 'state', '#stop': 'stop' },
  ExpressionAttributeValues: { ':stopping': 'stopping', ':stop': stop, ':open': 'open' },
});

export const pause = (run: string, reason?: 'budget'): Update => ({
  Key: runKey(run),
  UpdateExpression: reason === undefined ? EXPRESSIONS.pause.update : EXPRESSIONS.pause.updateWithReason,
  ConditionExpression: EXPRESSIONS.pause.condition,
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: { ':true': true, ':open': 'open', ...(reason !== undefined && { ':reason': reason }) },
});

export const resume = (run: string): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.resume.update,
  ConditionExpression: EXPRESSIONS.resume.condition,
});

export const queue = (run: string, queued: QueuedState): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.queue.update,
  ConditionExpression: EXPRESSIONS.queue.condition,
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: { ':queued': queued, ':open': 'open' },
});

export const letIn = (run: string): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.letIn.update,
  ConditionExpression: EXPRESSIONS.letIn.condition,
});

export const restart = (run: string, execution: string): Update => ({
  Key: runKey(run),
  UpdateExpression: EXPRESSIONS.restart.update,
  ConditionExpression: EXPRESSIONS.restart.condition,
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: { ':execution': execution, ':zero': 0, ':finished': 'finished', ':failed': 'failed' },
});

export function markEnded(run: string, { state, finishedAt, error }: Parameters<RunLedger['markEnded']>[1]): Update {
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
