import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createStores, makeFolder, startWithClients, type RunningFront, type TemporaryFolder } from './clients.ts';

const ROUNDS_BEFORE_THE_KILL = 25;

describe('a restart on the same folder', () => {
  let folder: TemporaryFolder;
  let running: RunningFront | undefined;

  beforeEach(() => {
    folder = makeFolder();
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    folder.remove();
  });

  const restart = async (): Promise<RunningFront & { readonly queueUrl: string }> => {
    await running?.stop();
    const next = await startWithClients(folder.path);
    running = next;
    return { ...next, queueUrl: (await createStores(next.front)).url };
  };
  const readText = async ({ s3 }: RunningFront, Key: string, VersionId?: string) => {
    const answer = await s3.send(new GetObjectCommand({ Bucket: 'manifests', Key, ...(VersionId !== undefined && { VersionId }) }));
    return { text: await answer.Body?.transformToString(), versionId: answer.VersionId };
  };

  test('keeps objects with all their versions, as plain files', async () => {
    const before = await restart();
    const put = (Body: string) => before.s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: 'a/list.txt', Body }));
    const first = await put('first');
    const second = await put('second');
    const after = await restart();
    expect(await readText(after, 'a/list.txt')).toEqual({ text: 'second', versionId: second.VersionId });
    expect(await readText(after, 'a/list.txt', first.VersionId)).toEqual({ text: 'first', versionId: first.VersionId });
    expect(readFileSync(join(folder.path, 's3/buckets/manifests/objects/a/list.txt.data'), 'utf8')).toBe('second');
  });

  test('keeps table items and queued messages, and frees the messages that were in flight', async () => {
    const before = await restart();
    await before.dynamodb.send(new PutItemCommand({ TableName: 'progress', Item: { pk: { S: 'kept' } } }));
    for (const MessageBody of ['one', 'two']) await before.sqs.send(new SendMessageCommand({ QueueUrl: before.queueUrl, MessageBody }));
    await before.sqs.send(new ReceiveMessageCommand({ QueueUrl: before.queueUrl, MaxNumberOfMessages: 1 }));
    const after = await restart();
    expect((await after.dynamodb.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: 'kept' } } }))).Item).toEqual({ pk: { S: 'kept' } });
    expect((await receiveAll(after, after.queueUrl)).sort()).toEqual(['one', 'two']);
    expect(after.queueUrl.startsWith(after.front.endpoint)).toBe(true);
  });

  test('gives a principal the key that it had', async () => {
    const credentials = (await restart()).front.credentialsFor('ProcessBatch');
    expect((await restart()).front.credentialsFor('ProcessBatch')).toEqual(credentials);
  });

  test('after a kill has all that was acknowledged, and nothing torn', async () => {
    const acknowledged = await writeUntilKilled(folder.path);
    const after = await restart();
    const numbers = Array.from({ length: acknowledged + 1 }, (_, n) => String(n));
    const { text = '' } = await readText(after, 'current');
    const written = text.length / 20_000 > 1 ? text.slice(0, text.length / 20_000) : text.slice(0, 1);
    expect(text).toBe(written.repeat(20_000));
    expect(Number(written)).toBeGreaterThanOrEqual(acknowledged);
    const { Contents: contents = [] } = await after.s3.send(new ListObjectsV2Command({ Bucket: 'manifests', Prefix: 'each/' }));
    expect(contents.map((object) => object.Key)).toEqual(expect.arrayContaining(numbers.map((n) => `each/${n}`)));
    expect(await receiveAll(after, after.queueUrl)).toEqual(expect.arrayContaining(numbers));
    for (const n of numbers) expect((await after.dynamodb.send(new GetItemCommand({ TableName: 'progress', Key: { pk: { S: n } } }))).Item).toEqual({ pk: { S: n } });
  }, 60_000);

  test('comes up whatever a kill left half written', async () => {
    const before = await restart();
    await before.front.createBucket('results', { isVersioned: false, sendsEvents: false });
    await before.s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'overwritten', Body: 'old' }));
    await before.s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: 'torn', Body: 'x' }));
    await before.s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: 'lost', Body: 'x' }));
    await before.stop();
    running = undefined;
    const objects = join(folder.path, 's3/buckets/manifests/objects');
    writeFileSync(join(objects, 'torn.meta.json'), '{"key":"to');
    writeFileSync(join(objects, 'half.data.new'), 'ha');
    rmSync(join(objects, 'lost.data'));
    writeFileSync(join(folder.path, 's3/buckets/results/objects/overwritten.data'), 'newer');
    writeFileSync(join(folder.path, 's3/buckets/manifests/.bucket.json'), '');
    const after = await restart();
    const { Contents: contents = [] } = await after.s3.send(new ListObjectsV2Command({ Bucket: 'manifests' }));
    expect(contents).toEqual([]);
    expect(existsSync(join(objects, 'half.data.new'))).toBe(false);
    const overwritten = await after.s3.send(new GetObjectCommand({ Bucket: 'results', Key: 'overwritten' }));
    expect(await overwritten.Body?.transformToString()).toBe('newer');
    expect(overwritten).toMatchObject({ ContentLength: 5, ETag: `"${createHash('md5').update('newer').digest('hex')}"` });
  });
});

/** @returns the last number that the writer saw acknowledged before it was killed. */
async function writeUntilKilled(folder: string): Promise<number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'endless-writer.ts'), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last = -1;
  for await (const line of createInterface({ input: writer.stdout })) {
    last = Number(line);
    if (last === ROUNDS_BEFORE_THE_KILL) writer.kill('SIGKILL');
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
  return last;
}

async function receiveAll({ sqs }: RunningFront, QueueUrl: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages: messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    if (messages.length === 0) return bodies;
    bodies.push(...messages.map((message) => message.Body ?? ''));
  }
}
