import { type DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { SINGLE } from './ledger-keys.ts';

/** What an `Idempotency-Key` stands for. */
export interface StoredSubmission {
  /** Hash of the request: the key means this one and no other. */
  readonly fingerprint: string;
  /** Undefined: whoever holds it has not stored its manifest yet. */
  readonly run?: string;
  /** When it was taken, milliseconds since the epoch. */
  readonly takenAt: number;
}

/** As long as clients try again, and a day more. */
const KEPT_SECONDS = 2 * 86_400;
const MS_PER_SECOND = 1000;

/** Idempotency keys in the table `tenants`: each record goes after two days. */
export function createSubmissionStore(client: DynamoDBDocumentClient, table: string) {
  const keyOf = (name: string) => ({ pk: `SUBMISSION#${name}`, sort: SINGLE });
  const refused = (error: unknown): false => {
    if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
    return false;
  };
  return {
    async take(name: string, submission: StoredSubmission): Promise<{ readonly isMine: boolean; readonly submission: StoredSubmission }> {
      const ttl = Math.ceil(submission.takenAt / MS_PER_SECOND) + KEPT_SECONDS;
      const isMine = await client.send(new PutCommand({ TableName: table, Item: { ...keyOf(name), v: 1, ...submission, ttl }, ConditionExpression: 'attribute_not_exists(pk)' })).then(() => true, refused);
      if (isMine) return { isMine, submission };
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: keyOf(name), ConsistentRead: true }));
      return { isMine: false, submission: (Item ?? submission) as StoredSubmission };
    },

    takeOver: (name: string, { takenAt }: StoredSubmission, now: number): Promise<boolean> =>
      client
        .send(new UpdateCommand({ TableName: table, Key: keyOf(name), UpdateExpression: 'SET takenAt = :now', ConditionExpression: 'takenAt = :seen AND attribute_not_exists(#run)', ExpressionAttributeNames: { '#run': 'run' }, ExpressionAttributeValues: { ':now': now, ':seen': takenAt } }))
        .then(() => true, refused),

    async settle(name: string, run: string): Promise<void> {
      await client.send(new UpdateCommand({ TableName: table, Key: keyOf(name), UpdateExpression: 'SET #run = if_not_exists(#run, :run)', ExpressionAttributeNames: { '#run': 'run' }, ExpressionAttributeValues: { ':run': run } }));
    },
  };
}
