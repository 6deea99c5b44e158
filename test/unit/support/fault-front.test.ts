import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REGION, type ServiceFront } from '../../../localstack/embedded/contracts.ts';
import { startFront } from '../../../localstack/embedded/front/service-front.ts';
import { traceHeaderOf } from '../../../localstack/embedded/functions/trace-header.ts';
import { createDynamo, createS3, createSqs } from '../../../shared/aws/clients.ts';
import { LEDGER_EXPRESSIONS } from '../../../shared/aws/ledger-expressions.ts';
import type { NamedCall } from '../../support/faults/call-names.ts';
import { createClients } from '../localstack/embedded/front/clients.ts';
import { type FaultFront, startFaultFront } from '../../support/faults/fault-front.ts';
import type { FaultKind } from '../../support/faults/wire-faults.ts';

const RUN = 'raaaaaaaaaaaaaaaaaaaaaaaaa';
const TABLE = 'Spillway-Progress-1';
const REQUEST_ID = '01234567-89ab-4cde-8f01-23456789abcd';

let services: ServiceFront;
let front: FaultFront;
let killed: string[];
let errors: unknown[];
let seen: NamedCall[];

beforeEach(async () => {
  [killed, errors, seen] = [[], [], []];
  services = await startFront({ dataFolder: undefined });
  await services.createTable({ name: TABLE, keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }] });
  await services.createBucket('spillway-results-1', { isVersioned: false, sendsEvents: false });
  front = await startFaultFront({
    target: services.endpoint,
    callerOf: () => 'Caller',
    killInvocation: async (requestId) => killed.push(requestId) > 0,
    delayMs: 1,
    onError: (error) => errors.push(error),
  });
});
afterEach(async () => {
  await front.stop();
  await services.stop();
});

const access = () => ({ endpoint: front.endpoint, region: REGION, credentials: services.credentialsFor('operator') });
/** As the product makes them: they try again. */
const clients = () => ({ dynamo: createDynamo(access()), s3: createS3(access()), sqs: createSqs(access()) });
/** They give up at once. */
function impatientClients() {
  const { dynamodb, ...others } = createClients(front.endpoint, services.credentialsFor('operator'));
  return { dynamo: DynamoDBDocumentClient.from(dynamodb), ...others };
}

/** The first attempt of every call meets the fault. */
const playAll = (kind: FaultKind | undefined): void => {
  front.play({
    judge: (call) => {
      seen.push(call);
      return call.attempt === 1 ? kind : undefined;
    },
  });
};

const count = (n: string) => new UpdateCommand({ TableName: TABLE, Key: { pk: n }, UpdateExpression: 'ADD times :one', ExpressionAttributeValues: { ':one': 1 } });
const timesOf = async (dynamo: ReturnType<typeof createDynamo>, n: string): Promise<unknown> => {
  front.play(undefined);
  return (await dynamo.send(new GetCommand({ TableName: TABLE, Key: { pk: n } }))).Item?.['times'];
};

describe('a call through the fault front', () => {
  it.each<[FaultKind | 'no fault', number, number]>([
    ['no fault', 1, 1],
    ['fail', 1, 2],
    ['throttle', 1, 2],
    ['lose', 2, 2],
    ['delay', 1, 1],
    // One byte less than announced: the SDK asks again.
    ['cut', 2, 2],
  ])('that meets %s happens %i times in %i attempts', async (kind, times, attempts) => {
    const { dynamo } = clients();
    playAll(kind === 'no fault' ? undefined : kind);
    await dynamo.send(count('n'));
    expect(seen.map(({ name, attempt }) => [name, attempt])).toEqual(Array.from({ length: attempts }, (_, i) => ['Caller/dynamodb:UpdateItem update n #1', i + 1]));
    expect(await timesOf(dynamo, 'n')).toBe(times);
    expect(errors).toEqual([]);
  });

  it.each<[FaultKind, number | undefined]>([
    ['kill before', undefined],
    ['kill after', 1],
  ])('whose invocation is to meet %s ends exactly that one', async (kind, times) => {
    const { dynamo } = impatientClients();
    dynamo.middlewareStack.add((next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['X-Amzn-Trace-Id'] = traceHeaderOf(REQUEST_ID);
      return next(args);
    }, { step: 'build' });
    playAll(kind);
    await expect(dynamo.send(count('k'))).rejects.toThrow('ECONNRESET');
    expect(killed).toEqual([REQUEST_ID]);
    expect(await timesOf(dynamo, 'k')).toBe(times);
  });

  it('that no invocation made can kill none, and that is heard of', async () => {
    playAll('kill before');
    await expect(impatientClients().dynamo.send(count('k'))).rejects.toThrow('ECONNRESET');
    expect(errors).toMatchObject([{ name: 'FaultError' }]);
  });

  it('is throttled in the words of its service', async () => {
    const { dynamo, s3, sqs, states } = impatientClients();
    playAll('throttle');
    const names = await Promise.all(
      [
        dynamo.send(count('n')),
        s3.send(new PutObjectCommand({ Bucket: 'spillway-results-1', Key: 'k', Body: 'x' })),
        sqs.send(new SendMessageCommand({ QueueUrl: `${front.endpoint}/000000000000/q`, MessageBody: '{}' })),
        states.send(new StartExecutionCommand({ stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:Run', input: '{}' })),
      ].map((call) => (call as Promise<unknown>).catch((error: Error) => error.name)),
    );
    expect(names).toEqual(['ProvisionedThroughputExceededException', 'SlowDown', 'RequestThrottled', 'ThrottlingException']);
  });

  it('keeps its Host, so that a queue is found by its URL and a message comes once', async () => {
    const { url } = await services.createQueue({ name: 'Spillway-Dispatch-1', attributes: {} });
    const { sqs } = clients();
    playAll(undefined);
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify({ type: 'report', run: RUN, shard: 0, batch: 3 }) }));
    const { Messages: messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    expect(messages).toHaveLength(1);
    expect(seen.map(({ name }) => name)).toEqual(['Caller/sqs:SendMessage dispatch report 0/3 #1', 'Caller/sqs:ReceiveMessage dispatch #1']);
  });

  it('has its answer cut in the middle of the body, after its headers', async () => {
    const { s3 } = impatientClients();
    const text = 'x'.repeat(10_000);
    await s3.send(new PutObjectCommand({ Bucket: 'spillway-results-1', Key: 'k', Body: text }));
    playAll('cut');
    const { Body: body, ContentLength: announced } = await s3.send(new GetObjectCommand({ Bucket: 'spillway-results-1', Key: 'k' }));
    expect(announced).toBe(text.length);
    await expect(body!.transformToString()).rejects.toThrow('aborted');
  });
});

describe('the name of a call', () => {
  it('says what the call is for, and nothing that differs from run to run', async () => {
    const { dynamo, s3 } = clients();
    playAll(undefined);
    await dynamo.send(new PutCommand({ TableName: TABLE, Item: { pk: `SHARD#${RUN}#1`, b: { 3: { q: 0, u: 0, a: 0 } } } }));
    const { update: UpdateExpression, condition: ConditionExpression } = LEDGER_EXPRESSIONS.claim;
    const ExpressionAttributeNames = { '#k': '3', '#a': 'a', '#u': 'u', '#o': 'o', '#q': 'q' };
    const claim = new UpdateCommand({ TableName: TABLE, Key: { pk: `SHARD#${RUN}#1` }, UpdateExpression, ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues: { ':one': 1, ':until': 9, ':me': 'me', ':q': 0, ':now': 1 } });
    await dynamo.send(claim);
    await dynamo.send(claim).catch(() => undefined);
    await s3.send(new PutObjectCommand({ Bucket: 'spillway-results-1', Key: `acme/${RUN}/results/00000-03-${'h'.repeat(43)}.ndjson.gz`, Body: 'x' }));
    await s3.send(new PutObjectCommand({ Bucket: 'spillway-results-1', Key: `acme/${RUN}/plan/${REQUEST_ID}/shards/00000.ndjson`, Body: 'x' }));
    expect(seen.map(({ name }) => name)).toEqual([
      'Caller/dynamodb:PutItem 1 #1',
      'Caller/dynamodb:UpdateItem claim 1/3 #1',
      'Caller/dynamodb:UpdateItem claim 1/3 #2',
      'Caller/s3:PutObject results results/00000-03.ndjson.gz #1',
      'Caller/s3:PutObject results plan/shards/00000.ndjson #1',
    ]);
    expect(new Set(seen.map(({ run }) => run))).toEqual(new Set([RUN]));
  });

  it('counts anew in every scene, and leaves out what comes late for runs that are over', async () => {
    const { dynamo } = clients();
    playAll(undefined);
    await dynamo.send(count(`RUN#${RUN}`));
    playAll(undefined);
    await dynamo.send(count(`RUN#${RUN}`));
    expect(seen.map(({ name }) => name)).toEqual(['Caller/dynamodb:UpdateItem update run #1', 'Caller/dynamodb:UpdateItem update run #1']);
    front.play({ pastRuns: new Set([RUN]), judge: () => 'fail' });
    await dynamo.send(count(`RUN#${RUN}`));
    expect(await timesOf(dynamo, `RUN#${RUN}`)).toBe(3);
  });
});
