import { BatchGetItemCommand, DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { AbortMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendTaskSuccessCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { ReceiveMessageCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ServiceFault, type ServiceCall } from '../../../../../localstack/embedded/contracts.ts';
import { createClients, startWithClients, type RunningFront } from './clients.ts';

const UNKNOWN = { accessKeyId: 'AKIAUNKNOWNUNKNOWN00', secretAccessKey: 'none' };
const MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:run';

describe('callers', () => {
  let running: RunningFront;
  let calls: ServiceCall[];
  let QueueUrl: string;

  beforeEach(async () => {
    running = await startWithClients(undefined);
    calls = [];
    running.front.onCall((call) => calls.push(call));
    await running.front.createBucket('results', { isVersioned: true, sendsEvents: false });
    await running.front.createTable({ name: 'progress', keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }] });
    ({ url: QueueUrl } = await running.front.createQueue({ name: 'work', attributes: {} }));
  });

  afterEach(() => running.stop());

  const logged = () => calls.map(({ action, resource }) => `${action} ${resource}`);

  test('a principal always has the same key and no two share one', () => {
    expect(running.front.credentialsFor('one')).toEqual(running.front.credentialsFor('one'));
    expect(running.front.credentialsFor('one').accessKeyId).not.toBe(running.front.credentialsFor('two').accessKeyId);
  });

  test('an unknown access key is refused as each service words it, and is no call', async () => {
    const stranger = createClients(running.front.endpoint, UNKNOWN);
    await expect(stranger.s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'x', Body: 'x' }))).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await expect(stranger.sqs.send(new ReceiveMessageCommand({ QueueUrl }))).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    await expect(stranger.dynamodb.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: 'x' } } }))).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
    expect(calls).toEqual([]);
  });

  test('an unsigned request is refused', async () => {
    expect((await fetch(`${running.front.endpoint}/results/x`)).status).toBe(403);
  });

  test('the credential of a presigned URL counts', async () => {
    await running.s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'x', Body: 'signed' }));
    const { accessKeyId } = running.front.credentialsFor('uploader');
    const credential = encodeURIComponent(`${accessKeyId}/20261122/us-east-1/s3/aws4_request`);
    const answer = await fetch(`${running.front.endpoint}/results/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${credential}&X-Amz-Signature=0`);
    expect(await answer.text()).toBe('signed');
    expect(calls.at(-1)).toEqual({ principal: 'uploader', action: 's3:GetObject', resource: 'arn:aws:s3:::results/x' });
  });

  test('S3 calls are logged as the permissions that they need', async () => {
    const target = { Bucket: 'results', Key: 'a b/ü' };
    const { VersionId = '' } = await running.s3.send(new PutObjectCommand({ ...target, Body: 'x' }));
    await running.s3.send(new HeadObjectCommand(target));
    await running.s3.send(new GetObjectCommand({ ...target, VersionId })).then((answer) => answer.Body?.transformToString());
    await running.s3.send(new CopyObjectCommand({ Bucket: 'results', Key: 'copy', CopySource: `results/${encodeURIComponent(target.Key)}` }));
    await running.s3.send(new ListObjectsV2Command({ Bucket: 'results' }));
    const { UploadId } = await running.s3.send(new CreateMultipartUploadCommand(target));
    await running.s3.send(new AbortMultipartUploadCommand({ ...target, UploadId }));
    await running.s3.send(new DeleteObjectsCommand({ Bucket: 'results', Delete: { Objects: [{ Key: 'p&q' }, { Key: 'copy' }] } }));
    expect(logged()).toEqual([
      's3:PutObject arn:aws:s3:::results/a b/ü',
      's3:GetObject arn:aws:s3:::results/a b/ü',
      's3:GetObjectVersion arn:aws:s3:::results/a b/ü',
      's3:PutObject arn:aws:s3:::results/copy',
      's3:GetObject arn:aws:s3:::results/a b/ü',
      's3:ListBucket arn:aws:s3:::results',
      's3:PutObject arn:aws:s3:::results/a b/ü',
      's3:AbortMultipartUpload arn:aws:s3:::results/a b/ü',
      's3:DeleteObject arn:aws:s3:::results/p&q',
      's3:DeleteObject arn:aws:s3:::results/copy',
    ]);
  });

  test('queue, table and index are the resources; a batch of tables is one call each', async () => {
    await running.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', MessageBody: 'x' }] }));
    await running.dynamodb.send(new BatchGetItemCommand({ RequestItems: { progress: { Keys: [{ pk: { S: 'x' } }] } } }));
    const query = new QueryCommand({ TableName: 'progress', IndexName: 'byDay', KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': { S: 'x' } } });
    await expect(running.dynamodb.send(query)).rejects.toMatchObject({ name: 'ValidationException' });
    const missing = new BatchGetItemCommand({ RequestItems: { one: { Keys: [{ pk: { S: 'x' } }] }, two: { Keys: [{ pk: { S: 'x' } }] } } });
    await expect(running.dynamodb.send(missing)).rejects.toBeInstanceOf(Error);
    expect(logged()).toEqual([
      'sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:work',
      'dynamodb:BatchGetItem arn:aws:dynamodb:us-east-1:000000000000:table/progress',
      'dynamodb:Query arn:aws:dynamodb:us-east-1:000000000000:table/progress/index/byDay',
      'dynamodb:BatchGetItem arn:aws:dynamodb:us-east-1:000000000000:table/one',
      'dynamodb:BatchGetItem arn:aws:dynamodb:us-east-1:000000000000:table/two',
    ]);
  });

  test('a call is logged under the principal whose key signed it', async () => {
    const worker = new DynamoDBClient({ endpoint: running.front.endpoint, region: 'us-east-1', credentials: running.front.credentialsFor('ProcessBatch') });
    await worker.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: 'x' } } }));
    worker.destroy();
    expect(calls).toEqual([{ principal: 'ProcessBatch', action: 'dynamodb:GetItem', resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/progress' }]);
  });

  test('a mounted service gets the action, the input and the caller, and its faults keep their names', async () => {
    const seen: unknown[] = [];
    running.front.mountJsonService('states', (action, input, principal) => {
      seen.push([action, input, principal]);
      if (action === 'SendTaskSuccess') throw new ServiceFault('TaskTimedOut', 'too late');
      return Promise.resolve({ output: { executionArn: 'arn:e', startDate: 1 }, resource: MACHINE_ARN });
    });
    const input = { stateMachineArn: MACHINE_ARN, name: 'r', input: '{}' };
    expect(await running.states.send(new StartExecutionCommand(input))).toMatchObject({ executionArn: 'arn:e' });
    await expect(running.states.send(new SendTaskSuccessCommand({ taskToken: 't', output: '{}' }))).rejects.toMatchObject({ name: 'TaskTimedOut', message: 'too late' });
    expect(seen[0]).toEqual(['StartExecution', input, 'operator']);
    expect(logged()).toEqual([`states:StartExecution ${MACHINE_ARN}`, 'states:SendTaskSuccess *']);
  });

  test('a failing listener neither breaks the call nor the other listeners', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    onTestFinished(() => warn.mockRestore());
    const { front, s3 } = running;
    front.onCall(() => { throw new Error('listener failed'); });
    const heard: ServiceCall[] = [];
    front.onCall((call) => heard.push(call));
    await s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'x', Body: 'x' }));
    expect(warn.mock.calls.map(([error]) => (error as Error).message)).toEqual(['listener failed']);
    expect(heard).toHaveLength(1);
  });
});
