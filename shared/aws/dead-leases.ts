import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { BatchRef } from '../ports.ts';
import { LEDGER_EXPRESSIONS } from './ledger-expressions.ts';
import { shardKey } from './ledger-keys.ts';

/** The lease of a worker that is known to be dead. */
export interface DeadLease extends BatchRef {
  readonly q: number;
  readonly owner: string;
}

/** Lets a dead worker's lease end now and not at its time; the death stays counted. Whoever settled or claimed the batch meanwhile keeps it. */
export function createLeaseEnder(client: DynamoDBDocumentClient, table: string): (lease: DeadLease) => Promise<void> {
  return async ({ run, shard, batch, q, owner }) => {
    const command = new UpdateCommand({
      TableName: table,
      Key: shardKey(run, shard),
      UpdateExpression: LEDGER_EXPRESSIONS.endLease.update,
      ConditionExpression: LEDGER_EXPRESSIONS.endLease.condition,
      ExpressionAttributeNames: { '#k': String(batch), '#u': 'u', '#q': 'q', '#o': 'o' },
      ExpressionAttributeValues: { ':zero': 0, ':q': q, ':dead': owner },
    });
    await client.send(command).catch((error: unknown) => {
      if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
    });
  };
}
