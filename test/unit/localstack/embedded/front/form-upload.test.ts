import { GetObjectCommand } from '@aws-sdk/client-s3';
import { createPresignedPost, type PresignedPostOptions } from '@aws-sdk/s3-presigned-post';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventBridgeEvent, ServiceCall } from '../../../../../localstack/embedded/contracts.ts';
import { makeFolder, startWithClients, type RunningFront, type TemporaryFolder } from './clients.ts';

describe.each(['memory', 'folder'] as const)('a form that is posted to a bucket kept in %s', (place) => {
  let folder: TemporaryFolder;
  let running: RunningFront;
  const events: EventBridgeEvent[] = [];
  const calls: ServiceCall[] = [];

  beforeEach(async () => {
    folder = makeFolder();
    running = await startWithClients(place === 'memory' ? undefined : folder.path);
    events.length = calls.length = 0;
    running.front.onObjectCreated((event) => events.push(event));
    running.front.onCall((call) => calls.push(call));
    await running.front.createBucket('uploads', { isVersioned: false, sendsEvents: true });
  });
  afterEach(async () => {
    await running.stop();
    folder.remove();
  });

  const signed = (more: Partial<PresignedPostOptions> = {}) =>
    createPresignedPost(running.s3, { Bucket: 'uploads', Key: 'acme/${filename}', Expires: 60, Conditions: [['starts-with', '$key', 'acme/'], ['starts-with', '$Content-Type', ''], ['content-length-range', 2, 5]], ...more });

  async function post(given: Readonly<Record<string, string>>, body: string, { url, fields }: { url: string; fields: Record<string, string> }) {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, ...given })) form.append(name, value);
    form.append('file', new Blob([body]), 'one.txt');
    const response = await fetch(url, { method: 'POST', body: form });
    return { status: response.status, text: await response.text() };
  }
  const read = async (key: string) => {
    const { Body, ContentType } = await running.s3.send(new GetObjectCommand({ Bucket: 'uploads', Key: key }));
    return { text: await Body?.transformToString(), ContentType };
  };

  test('stores its file under its key, with its type and an event, as the call of whoever signed it', async () => {
    expect(await post({ key: 'acme/a b.txt', 'Content-Type': 'text/plain' }, 'four', await signed())).toEqual({ status: 204, text: '' });
    expect(await read('acme/a b.txt')).toEqual({ text: 'four', ContentType: 'text/plain' });
    expect(events).toMatchObject([{ detail: { object: { key: 'acme/a b.txt', size: 4 }, reason: 'POST Object' } }]);
    expect(calls.at(0)).toMatchObject({ action: 's3:PutObject', resource: 'arn:aws:s3:::uploads/acme/a b.txt' });
  });

  test('may name its file by the name that it has', async () => {
    expect(await post({}, 'four', await signed())).toMatchObject({ status: 204 });
    expect((await read('acme/one.txt')).text).toBe('four');
  });

  test.each([
    ['another key', { key: 'other/a' }, 'four', 'AccessDenied'],
    ['a field that the policy does not name', { 'x-amz-meta-own': 'x' }, 'four', 'Extra input fields: x-amz-meta-own'],
    ['too many bytes', {}, 'sixsix', 'EntityTooLarge'],
    ['too few bytes', {}, '1', 'EntityTooSmall'],
    ['another policy than was signed', { Policy: Buffer.from('{"expiration":"2099-01-01T00:00:00Z","conditions":[]}').toString('base64') }, 'four', 'SignatureDoesNotMatch'],
    ['an access key that nobody has', { 'X-Amz-Credential': 'AKIANOBODY/20260101/eu-west-1/s3/aws4_request' }, 'four', 'InvalidAccessKeyId'],
  ])('with %s stores nothing', async (_, given, body, reason) => {
    const answer = await post(given, body, await signed());
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).toContain(reason);
    expect(events).toEqual([]);
  });

  test('stores nothing once its policy has expired', async () => {
    expect((await post({}, 'four', await signed({ Expires: -1 }))).text).toContain('Policy expired');
  });

  test('stores nothing in a bucket that there is not', async () => {
    expect((await post({}, 'four', await signed({ Bucket: 'nowhere' }))).text).toContain('NoSuchBucket');
  });
});
