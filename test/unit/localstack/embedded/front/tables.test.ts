import { once } from 'node:events';
import { connect } from 'node:net';
import { BatchGetItemCommand, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startWithClients, type RunningFront } from './clients.ts';

describe('tables', () => {
  let running: RunningFront;

  beforeEach(async () => {
    running = await startWithClients(undefined);
    await running.front.createTable({ name: 'progress', keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }] });
    await running.front.createTable({ name: 'lanes', keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'N' }] });
  });

  afterEach(() => running.stop());

  const update = (condition: string) => running.dynamodb.send(new UpdateItemCommand({
    TableName: 'progress', Key: { pk: { S: 'SHARD#1' } }, UpdateExpression: 'SET q = q + :one', ConditionExpression: condition,
    ExpressionAttributeValues: { ':one': { N: '1' }, ':q': { N: '1' } }, ReturnValues: 'ALL_NEW',
  }));

  test('of many conditional updates on the same state exactly one wins', async () => {
    await running.dynamodb.send(new PutItemCommand({ TableName: 'progress', Item: { pk: { S: 'SHARD#1' }, q: { N: '1' } } }));
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => update('q = :q')));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => (outcome.reason as Error).name)).toEqual(Array.from({ length: 7 }, () => 'ConditionalCheckFailedException'));
  });

  test('a query reads one partition in the order of its sort key', async () => {
    for (const [pk, sk] of [['a', 10], ['b', 1], ['a', 9], ['a', -1]] as const) {
      await running.dynamodb.send(new PutItemCommand({ TableName: 'lanes', Item: { pk: { S: pk }, sk: { N: String(sk) } } }));
    }
    const { Items = [] } = await running.dynamodb.send(new QueryCommand({ TableName: 'lanes', KeyConditionExpression: 'pk = :a', ExpressionAttributeValues: { ':a': { S: 'a' } } }));
    expect(Items.map((item) => item['sk']?.N)).toEqual(['-1', '9', '10']);
  });

  test('creating a table again keeps its items', async () => {
    await running.dynamodb.send(new PutItemCommand({ TableName: 'progress', Item: { pk: { S: 'kept' } } }));
    await running.front.createTable({ name: 'progress', keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }] });
    expect((await running.dynamodb.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: 'kept' } } }))).Item).toEqual({ pk: { S: 'kept' } });
  });

  test('creating a table with another key is refused with both keys', async () => {
    const other = running.front.createTable({ name: 'progress', keySchema: [{ AttributeName: 'id', KeyType: 'HASH' }], attributes: [{ AttributeName: 'id', AttributeType: 'S' }] });
    await expect(other).rejects.toThrow(/expected table progress .*"id".*"pk"/);
  });

  test('a table that does not exist is ResourceNotFoundException', async () => {
    await expect(running.dynamodb.send(new GetItemCommand({ TableName: 'missing', Key: { pk: { S: 'x' } } }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  test.each(['null', '[]', '"text"', '{', ''])('the body %j is a SerializationException and harms nobody', async (body) => {
    const answer = await fetch(running.front.endpoint, { method: 'POST', headers: jsonHeaders(running), body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ __type: 'SerializationException' });
    expect((await running.dynamodb.send(new BatchGetItemCommand({ RequestItems: { progress: { Keys: [{ pk: { S: 'x' } }] } } }))).Responses).toEqual({ progress: [] });
  });

  test('an operation that is not there is UnknownOperationException', async () => {
    const answer = await fetch(running.front.endpoint, { method: 'POST', headers: jsonHeaders(running, 'TransactWriteItems'), body: '{}' });
    expect(await answer.json()).toMatchObject({ __type: 'UnknownOperationException' });
  });

  test('a client that disconnects in the middle of a body changes nothing and harms nobody', async () => {
    const { hostname, port } = new URL(running.front.endpoint);
    const body = JSON.stringify({ TableName: 'progress', Item: { pk: { S: 'half' } } });
    const headers = Object.entries(jsonHeaders(running, 'PutItem')).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.end(`POST / HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body.slice(0, -5)}`);
    await once(socket.resume(), 'close');
    const { Item } = await running.dynamodb.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: 'half' } } }));
    expect(Item).toBeUndefined();
  });
});

function jsonHeaders({ front }: RunningFront, operation = 'GetItem'): Record<string, string> {
  const { accessKeyId } = front.credentialsFor('operator');
  return { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${operation}`, authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261122/us-east-1/dynamodb/aws4_request` };
}
