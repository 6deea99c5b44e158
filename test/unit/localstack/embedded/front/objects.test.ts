import { connect } from 'node:net';
import { once } from 'node:events';
import { CopyObjectCommand, CreateMultipartUploadCommand, CompleteMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, paginateListObjectsV2, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventBridgeEvent } from '../../../../../localstack/embedded/contracts.ts';
import { makeFolder, startWithClients, type RunningFront, type TemporaryFolder } from './clients.ts';

const PART_BYTES = 5 * 1_048_576;

describe.each(['memory', 'folder'] as const)('objects kept in %s', (place) => {
  let folder: TemporaryFolder;
  let running: RunningFront;
  let events: EventBridgeEvent[];

  beforeEach(async () => {
    folder = makeFolder();
    running = await startWithClients(place === 'memory' ? undefined : folder.path);
    events = [];
    running.front.onObjectCreated((event) => events.push(event));
    await running.front.createBucket('manifests', { isVersioned: true, sendsEvents: true });
    await running.front.createBucket('results', { isVersioned: false, sendsEvents: false });
  });

  afterEach(async () => {
    await running.stop();
    folder.remove();
  });

  const put = (key: string, body: string | Buffer, bucket = 'manifests') => running.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body), ContentType: 'text/plain', Metadata: { 'spillway-processor': 'no-op' } }));
  const read = async (input: { Bucket?: string; Key: string; VersionId?: string; Range?: string }) => {
    const answer = await running.s3.send(new GetObjectCommand({ Bucket: 'manifests', ...input }));
    return { ...answer, text: (await answer.Body?.transformToString()) ?? '' };
  };

  test('each version of an object keeps its own bytes, type and metadata', async () => {
    const first = await put('a/list one.txt', 'first');
    const second = await put('a/list one.txt', 'second');
    expect(await read({ Key: 'a/list one.txt', VersionId: first.VersionId ?? '' })).toMatchObject({ text: 'first', VersionId: first.VersionId, ETag: first.ETag, ContentType: 'text/plain', Metadata: { 'spillway-processor': 'no-op' } });
    expect(await read({ Key: 'a/list one.txt' })).toMatchObject({ text: 'second', VersionId: second.VersionId });
    expect((second.VersionId ?? '') > (first.VersionId ?? '')).toBe(true);
  });

  test('a HEAD request tells the latest version and the size', async () => {
    const stored = await put('list.txt', 'four');
    expect(await running.s3.send(new HeadObjectCommand({ Bucket: 'manifests', Key: 'list.txt' }))).toMatchObject({ VersionId: stored.VersionId, ContentLength: 4 });
  });

  test('a version that was never stored is NoSuchVersion', async () => {
    await put('list.txt', 'four');
    await expect(read({ Key: 'list.txt', VersionId: 'ffff' })).rejects.toMatchObject({ name: 'NoSuchVersion' });
  });

  test('a deleted object is gone but its versions are not', async () => {
    const stored = await put('list.txt', 'kept');
    expect(await running.s3.send(new DeleteObjectCommand({ Bucket: 'manifests', Key: 'list.txt' }))).toMatchObject({ DeleteMarker: true });
    await expect(read({ Key: 'list.txt' })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect((await read({ Key: 'list.txt', VersionId: stored.VersionId ?? '' })).text).toBe('kept');
  });

  test('deleting the latest version shows the one before it', async () => {
    const first = await put('list.txt', 'first');
    const second = await put('list.txt', 'second');
    await running.s3.send(new DeleteObjectCommand({ Bucket: 'manifests', Key: 'list.txt', VersionId: second.VersionId ?? '' }));
    expect(await read({ Key: 'list.txt' })).toMatchObject({ text: 'first', VersionId: first.VersionId });
  });

  test('versions are no objects that a client can list or read', async () => {
    await put('list.txt', 'four');
    const { Contents: contents = [] } = await running.s3.send(new ListObjectsV2Command({ Bucket: 'manifests' }));
    expect(contents.map((object) => object.Key)).toEqual(['list.txt']);
    await expect(running.s3.send(new ListObjectsV2Command({ Bucket: 'manifests--versions' }))).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test('an upload raises exactly one event, with the version and the decoded key', async () => {
    const stored = await put('tenant/no-op/größe +1.txt', 'four');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      version: '0', source: 'aws.s3', 'detail-type': 'Object Created', account: '000000000000', region: 'us-east-1', resources: ['arn:aws:s3:::manifests'],
      detail: { version: '0', bucket: { name: 'manifests' }, object: { key: 'tenant/no-op/größe +1.txt', size: 4, etag: stored.ETag?.replaceAll('"', ''), 'version-id': stored.VersionId }, reason: 'PutObject', requester: '000000000000' },
    });
    expect(events[0]?.detail['request-id']).toBe(stored.$metadata.requestId);
    expect(events[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test('the object is readable when its event arrives', async () => {
    const seen = new Promise<string>((resolve) => {
      running.front.onObjectCreated((event) => {
        const { key, 'version-id': versionId } = event.detail['object'] as { key: string; 'version-id': string };
        resolve(read({ Key: key, VersionId: versionId }).then(({ text }) => text));
      });
    });
    await put('list.txt', 'here');
    expect(await seen).toBe('here');
  });

  test('a bucket without events stays silent', async () => {
    await put('part.ndjson', 'x', 'results');
    expect(events).toEqual([]);
  });

  test('a copy is an upload of its own, also from an old version', async () => {
    const first = await put('list.txt', 'first');
    await put('list.txt', 'second');
    const copied = await running.s3.send(new CopyObjectCommand({ Bucket: 'manifests', Key: 'copy.txt', CopySource: `manifests/list.txt?versionId=${first.VersionId}` }));
    expect(await read({ Key: 'copy.txt' })).toMatchObject({ text: 'first', VersionId: copied.VersionId });
    expect(events.map((event) => event.detail['reason'])).toEqual(['PutObject', 'PutObject', 'CopyObject']);
  });

  test('a multipart upload becomes one object with one event and one version', async () => {
    const target = { Bucket: 'manifests', Key: 'big.bin' };
    const { UploadId } = await running.s3.send(new CreateMultipartUploadCommand(target));
    const bodies = [Buffer.alloc(PART_BYTES, 'a'), Buffer.from('tail')];
    const parts = [];
    for (const [index, Body] of bodies.entries()) {
      const { ETag } = await running.s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber: index + 1, Body }));
      parts.push({ ETag, PartNumber: index + 1 });
    }
    const done = await running.s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts: parts } }));
    const got = await running.s3.send(new GetObjectCommand({ ...target, VersionId: done.VersionId ?? 'missing' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Buffer.concat(bodies))).toBe(true);
    expect(events.map((event) => event.detail['reason'])).toEqual(['CompleteMultipartUpload']);
    expect(events[0]?.detail['object']).toMatchObject({ size: PART_BYTES + 4, etag: done.ETag?.replaceAll('"', '') });
  });

  test('a single upload larger than fauxqs takes is stored whole', async () => {
    const body = Buffer.alloc(12 * 1_048_576, 'spillway');
    await put('large.bin', body, 'results');
    const got = await running.s3.send(new GetObjectCommand({ Bucket: 'results', Key: 'large.bin' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
  });

  test('an empty object is an object', async () => {
    await put('empty', '');
    expect(await read({ Key: 'empty' })).toMatchObject({ text: '', ContentLength: 0 });
  });

  test.each([['bytes=2-4', 'cde', 'bytes 2-4/10'], ['bytes=7-', 'hij', 'bytes 7-9/10'], ['bytes=-2', 'ij', 'bytes 8-9/10'], ['bytes=8-99', 'ij', 'bytes 8-9/10']])('the range %s of ten bytes is %s', async (range, text, contentRange) => {
    await put('part', 'abcdefghij', 'results');
    expect(await read({ Bucket: 'results', Key: 'part', Range: range })).toMatchObject({ text, ContentRange: contentRange });
  });

  test('a range behind the end is InvalidRange', async () => {
    await put('part', 'abc', 'results');
    await expect(read({ Bucket: 'results', Key: 'part', Range: 'bytes=3-5' })).rejects.toMatchObject({ name: 'InvalidRange' });
  });

  test('If-None-Match: * keeps the first of two writers', async () => {
    const write = (body: string) => running.s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'once', Body: body, IfNoneMatch: '*' }));
    await write('mine');
    await expect(write('yours')).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect((await read({ Bucket: 'results', Key: 'once' })).text).toBe('mine');
  });

  test.each(['a//b', '../../escape', './x', 'a/.', '%2e', 'long/'.concat('x'.repeat(300)), 'a', 'a/', '/a', 'a/b.data/c', 'a/b.meta.json/c'])('the key %s is an object of its own', async (key) => {
    await put('a/b', 'neighbour', 'results');
    await rawPut(running, `/results/${encodeURIComponent(key)}`, 'mine');
    const { Contents: contents = [] } = await running.s3.send(new ListObjectsV2Command({ Bucket: 'results' }));
    expect(contents.map((object) => object.Key).sort()).toEqual([key, 'a/b'].sort());
    expect((await read({ Bucket: 'results', Key: 'a/b' })).text).toBe('neighbour');
  });

  test('pages of a listing hold every key once, in order', async () => {
    const keys = ['B', 'a', 'a.b', 'a/1', 'a/B', 'a_b', 'Z', 'é', 'ä/1', '_', '10', '9'];
    for (const key of keys) await put(key, key, 'results');
    for (const MaxKeys of [1, 5]) {
      const listed: (string | undefined)[] = [];
      for await (const page of paginateListObjectsV2({ client: running.s3 }, { Bucket: 'results', MaxKeys })) listed.push(...(page.Contents ?? []).map((object) => object.Key));
      expect(listed).toEqual([...keys].sort());
    }
  });

  test('a delimiter folds what is below it', async () => {
    for (const key of ['t/r1/a', 't/r1/b', 't/r2/a', 't/top', 'u/r1/a']) await put(key, key, 'results');
    const page = await running.s3.send(new ListObjectsV2Command({ Bucket: 'results', Prefix: 't/', Delimiter: '/' }));
    expect(page.CommonPrefixes).toEqual([{ Prefix: 't/r1/' }, { Prefix: 't/r2/' }]);
    expect(page.Contents?.map((object) => object.Key)).toEqual(['t/top']);
  });

  test('an upload that is announced too large is EntityTooLarge before it is sent', async () => {
    const answer = await rawExchange(running, `PUT /results/huge HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization(running)}\r\nContent-Length: ${300 * 1_048_576}\r\n\r\n`);
    expect(answer).toContain('<Code>EntityTooLarge</Code>');
  });

  test('an aws-chunked upload that ends in the middle stores nothing', async () => {
    const headers = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '10', 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' };
    const answer = await rawPut(running, '/manifests/broken', 'a\r\nabc', headers);
    expect(answer).toMatchObject({ status: 400, code: 'IncompleteBody' });
    await expect(read({ Key: 'broken' })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(events).toEqual([]);
  });

  test('a whole aws-chunked upload is stored unwrapped, without the transfer encoding', async () => {
    const headers = { 'content-encoding': 'aws-chunked,gzip', 'x-amz-decoded-content-length': '3', 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' };
    expect(await rawPut(running, '/manifests/whole', '3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n', headers)).toMatchObject({ status: 200 });
    expect(await read({ Key: 'whole' })).toMatchObject({ text: 'abc', ContentEncoding: 'gzip' });
  });

  test('a body that is not what its checksum says is BadDigest', async () => {
    expect(await rawPut(running, '/manifests/wrong', 'abc', { 'x-amz-checksum-crc32': 'AAAAAA==' })).toMatchObject({ status: 400, code: 'BadDigest' });
    await expect(read({ Key: 'wrong' })).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('a client that disconnects in the middle of a body stores nothing', async () => {
    await rawExchange(running, `PUT /manifests/half HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization(running)}\r\nContent-Length: 100\r\n\r\nhalf`);
    await expect(read({ Key: 'half' })).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(events).toEqual([]);
  });

  test('a sub-resource that is not implemented is refused, not ignored', async () => {
    const answer = await fetch(`${running.front.endpoint}/manifests?policy`, { headers: { authorization: authorization(running) } });
    expect(answer.status).toBe(501);
    expect(await answer.text()).toContain('NotImplemented');
  });
});

function authorization({ front }: RunningFront): string {
  const { accessKeyId } = front.credentialsFor('operator');
  return `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261122/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`;
}

/** Sends the bytes, ends its side, and reads what comes until the front closes. */
async function rawExchange({ front }: RunningFront, bytes: string): Promise<string> {
  const { hostname, port } = new URL(front.endpoint);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.end(bytes);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

async function rawPut(running: RunningFront, path: string, body: string, headers: Record<string, string> = {}): Promise<{ status: number; code: string | undefined }> {
  const answer = await fetch(running.front.endpoint + path, { method: 'PUT', body, headers: { authorization: authorization(running), ...headers } });
  return { status: answer.status, code: /<Code>(.*)<\/Code>/.exec(await answer.text())?.[1] };
}
