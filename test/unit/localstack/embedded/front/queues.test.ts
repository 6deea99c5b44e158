import { once } from 'node:events';
import { connect } from 'node:net';
import { ChangeMessageVisibilityCommand, CreateQueueCommand, DeleteMessageCommand, GetQueueAttributesCommand, GetQueueUrlCommand, ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand, SQSClient, type Message } from '@aws-sdk/client-sqs';
import { assert, asyncProperty, integer, shuffledSubarray } from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFolder, startWithClients, type RunningFront, type TemporaryFolder } from './clients.ts';

describe.each(['memory', 'folder'] as const)('queues kept in %s', (place) => {
  let folder: TemporaryFolder;
  let running: RunningFront;
  let QueueUrl: string;
  let fifoUrl: string;

  beforeEach(async () => {
    folder = makeFolder();
    running = await startWithClients(place === 'memory' ? undefined : folder.path);
    ({ url: QueueUrl } = await running.front.createQueue({ name: 'work', attributes: { VisibilityTimeout: '60' } }));
    ({ url: fifoUrl } = await running.front.createQueue({ name: 'dispatch.fifo', attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true', VisibilityTimeout: '60' } }));
  });

  afterEach(async () => {
    await running.stop();
    folder.remove();
  });

  const send = (MessageBody: string) => running.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  const sendFifo = (MessageBody: string, MessageGroupId = 'one') => running.sqs.send(new SendMessageCommand({ QueueUrl: fifoUrl, MessageBody, MessageGroupId }));
  const receive = async (url = QueueUrl, input: { MaxNumberOfMessages?: number; WaitTimeSeconds?: number } = {}): Promise<Message[]> => {
    const answer = await running.sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'], ...input }));
    return answer.Messages ?? [];
  };
  const bodies = (messages: readonly Message[]) => messages.map((message) => message.Body);
  const release = (url: string, message: Message | undefined) => running.sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 0 }));
  const remove = (url: string, message: Message | undefined) => running.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }));

  test('a queue URL is the endpoint, the account and the name, and is what clients are told', async () => {
    expect(QueueUrl).toBe(`${running.front.endpoint}/000000000000/work`);
    expect((await running.sqs.send(new GetQueueUrlCommand({ QueueName: 'work' }))).QueueUrl).toBe(QueueUrl);
    expect((await running.sqs.send(new CreateQueueCommand({ QueueName: 'later' }))).QueueUrl).toBe(`${running.front.endpoint}/000000000000/later`);
  });

  test('a client without an endpoint may use the queue URL as one', async () => {
    // It warns of what is tried here.
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const plain = new SQSClient({ region: 'us-east-1', credentials: running.front.credentialsFor('operator'), useQueueUrlAsEndpoint: true, logger });
    await plain.send(new SendMessageCommand({ QueueUrl, MessageBody: 'here' }));
    plain.destroy();
    expect(bodies(await receive())).toEqual(['here']);
  });

  test('a poller of this process sees what a client would have received, and its calls are noted', async () => {
    const calls: unknown[] = [];
    running.front.onCall((call) => calls.push(call));
    const MessageAttributes = { bytes: { DataType: 'Binary', BinaryValue: Uint8Array.of(0, 255, 7) }, text: { DataType: 'String', StringValue: 'ä' } };
    await running.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'one', MessageAttributes }));
    const reader = running.front.readQueue('work', 'poller');
    const seen = await reader.receive(10);
    await reader.giveBack(seen);
    const { Messages: [received] = [] } = await running.sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }));
    const { ReceiptHandle: _one, Attributes: _counts, ...expected } = received!;
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ ...expected, MessageAttributes: { ...expected.MessageAttributes, bytes: { BinaryValue: Buffer.of(0, 255, 7) } } });
    expect(calls).toEqual(expect.arrayContaining([{ principal: 'poller', action: 'sqs:ReceiveMessage', resource: 'arn:aws:sqs:us-east-1:000000000000:work' }]));
  });

  test('what a poller of this process deletes is gone, and sets the next of a FIFO group free', async () => {
    for (const body of ['1', '2']) await sendFifo(body);
    const reader = running.front.readQueue('dispatch.fifo', 'poller');
    const first = await reader.receive(1);
    expect(await reader.receive(1)).toEqual([]);
    await reader.delete(first);
    expect(bodies(await reader.receive(1))).toEqual(['2']);
  });

  test('a received message is invisible until it is released, and counts its deliveries', async () => {
    await send('one');
    const [first] = await receive();
    expect(first?.Attributes?.ApproximateReceiveCount).toBe('1');
    expect(await receive()).toEqual([]);
    await release(QueueUrl, first);
    const [second] = await receive();
    expect(second).toMatchObject({ Body: 'one', Attributes: { ApproximateReceiveCount: '2' } });
    await remove(QueueUrl, second);
    const { Attributes } = await running.sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' });
  });

  test('a message that was received too often moves to the dead-letter queue', async () => {
    const { url: deadUrl, arn } = await running.front.createQueue({ name: 'dead', attributes: {} });
    await running.front.createQueue({ name: 'work', attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 1 }) } });
    await send('poison');
    await release(QueueUrl, (await receive())[0]);
    expect(await receive()).toEqual([]);
    expect(bodies(await receive(deadUrl))).toEqual(['poison']);
  });

  test('a long poll answers with the message that arrives meanwhile', async () => {
    const poll = receive(QueueUrl, { WaitTimeSeconds: 20 });
    await send('late');
    expect(bodies(await poll)).toEqual(['late']);
  });

  test('one message wakes several polls and goes to one of them', async () => {
    const polls = Array.from({ length: 4 }, () => receive(QueueUrl, { WaitTimeSeconds: 1 }));
    await send('only');
    expect((await Promise.all(polls)).flat()).toHaveLength(1);
  });

  test('a long poll whose client is gone takes no message', async () => {
    await abandonLongPoll(running, QueueUrl);
    await send('survivor');
    expect(await receive()).toMatchObject([{ Body: 'survivor', Attributes: { ApproximateReceiveCount: '1' } }]);
  });

  test('FIFO drops what was sent before with the same deduplication id', async () => {
    const first = await sendFifo('same');
    const second = await sendFifo('same');
    expect(second.MessageId).toBe(first.MessageId);
    expect(bodies(await receive(fifoUrl))).toEqual(['same']);
  });

  test('FIFO hands out up to ten messages of a group in order and locks the group until they are gone', async () => {
    for (let n = 0; n < 12; n++) await sendFifo(`m${n}`);
    await sendFifo('other', 'two');
    const first = await receive(fifoUrl, { MaxNumberOfMessages: 10 });
    expect(bodies(first).filter((body) => body !== 'other')).toEqual(Array.from({ length: 9 }, (_, n) => `m${n}`));
    expect(bodies(await receive(fifoUrl))).toEqual([]);
    for (const message of first) await remove(fifoUrl, message);
    expect(bodies(await receive(fifoUrl))).toEqual(['m9', 'm10', 'm11']);
  });

  test('FIFO keeps the order whatever order messages are released in', async () => {
    await assert(asyncProperty(integer({ min: 1, max: 8 }).chain((count) => shuffledSubarray(Array.from({ length: count }, (_, n) => n), { minLength: count })), async (order) => {
      const url = (await running.front.createQueue({ name: `order-${nextName++}.fifo`, attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true' } })).url;
      for (let n = 0; n < order.length; n++) await running.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageGroupId: 'g', MessageBody: `m${n}` }));
      const taken = await receive(url);
      for (const index of order) await release(url, taken[index]);
      expect(bodies(await receive(url))).toEqual(order.map((_, n) => `m${n}`));
    }), { numRuns: 20 });
  });

  test.each([0, 11])('asking for %i messages is refused', async (MaxNumberOfMessages) => {
    await expect(receive(QueueUrl, { MaxNumberOfMessages })).rejects.toMatchObject({ name: expect.stringMatching(/InvalidParameterValue$/) as string });
    await expect(receive(fifoUrl, { MaxNumberOfMessages })).rejects.toMatchObject({ name: expect.stringMatching(/InvalidParameterValue$/) as string });
  });

  test('a queue that does not exist is QueueDoesNotExist', async () => {
    await expect(receive(`${running.front.endpoint}/000000000000/missing`)).rejects.toMatchObject({ name: 'QueueDoesNotExist' });
  });

  test('a batch reports each entry', async () => {
    const Entries = [{ Id: 'a', MessageBody: 'one' }, { Id: 'b', MessageBody: 'two' }];
    const answer = await running.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(answer.Successful?.map((entry) => entry.Id)).toEqual(['a', 'b']);
    expect(bodies(await receive())).toEqual(['one', 'two']);
  });
});

let nextName = 0;

/** Starts a long poll on a socket of its own and closes it once the front has taken the call. */
async function abandonLongPoll({ front }: RunningFront, queueUrl: string): Promise<void> {
  const { hostname, port } = new URL(front.endpoint);
  const { accessKeyId } = front.credentialsFor('poller');
  const body = JSON.stringify({ QueueUrl: queueUrl, WaitTimeSeconds: 20 });
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Type: application/x-amz-json-1.0\r\nAuthorization: AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261122/us-east-1/sqs/aws4_request\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await makeRoundTrip(front.endpoint);
  socket.destroy();
  await once(socket, 'close');
  await makeRoundTrip(front.endpoint);
}

/** When it is over, the front has taken notice of what reached it before. */
async function makeRoundTrip(endpoint: string): Promise<void> {
  await fetch(endpoint, { method: 'POST' }).then((answer) => answer.text());
}
