import { Readable } from 'node:stream';
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  NoSuchKey,
  NotFound,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { BrokenObjectError } from '../errors.ts';
import type { ByteRange, ObjectEntry, ObjectHead, ObjectStore } from '../ports.ts';

/** S3 takes 5 GiB in one PUT, emulators about 11 MiB; parts must be 5 MiB or more. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 2;
const READ_ATTEMPTS = 3;

/** One bucket behind the S3 API. */
export function createObjectStore(s3: S3Client, bucket: string): ObjectStore {
  const uploadParts = async (key: string, body: Readable | Uint8Array, contentType: string, metadata?: Readonly<Record<string, string>>) => {
    const params = { Bucket: bucket, Key: key, Body: body, ContentType: contentType, ...(metadata && { Metadata: metadata }) };
    await new Upload({ client: s3, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE, leavePartsOnError: false }).done();
  };

  return {
    bucket,

    async open(key, version) {
      try {
        const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...(version && { VersionId: version }) }));
        const head = describe(answer);
        return { ...head, body: checkedBody(answer.Body as Readable, head.bytes, key) };
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },

    async read(key, range) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await readOnce(s3, bucket, key, range);
        } catch (error) {
          // The SDK retries a failed call, but not a body that is cut after its headers.
          if (!(error instanceof BrokenObjectError) || attempt === READ_ATTEMPTS) throw error;
        }
      }
    },

    async write(key, body, contentType, metadata) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      if (bytes.byteLength > PART_BYTES) return uploadParts(key, bytes, contentType, metadata);
      const params = { Bucket: bucket, Key: key, Body: bytes, ContentType: contentType, ...(metadata && { Metadata: metadata }) };
      await s3.send(new PutObjectCommand(params));
    },

    writeStream: (key, chunks, contentType) => uploadParts(key, Readable.from(chunks, { objectMode: false }), contentType),

    async head(key, version) {
      try {
        return describe(await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ...(version && { VersionId: version }) })));
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },

    list: (prefix) => listObjects(s3, bucket, prefix),
  };
}

async function readOnce(s3: S3Client, bucket: string, key: string, range: ByteRange | undefined): Promise<Uint8Array> {
  if (range && range.end <= range.start) return new Uint8Array();
  // HTTP ranges include their last byte.
  const Range = range && `bytes=${range.start}-${range.end - 1}`;
  const answer = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...(Range && { Range }) }));
  const expected = range ? range.end - range.start : (answer.ContentLength ?? 0);
  const chunks: Uint8Array[] = [];
  for await (const chunk of checkedBody(answer.Body as Readable, expected, key)) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function* checkedBody(body: Readable, expected: number, key: string): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      yield chunk;
    }
  } catch (cause) {
    throw new BrokenObjectError(`expected ${expected} bytes of ${key}, the connection broke after ${bytes}`, { cause });
  }
  if (bytes !== expected) throw new BrokenObjectError(`expected ${expected} bytes of ${key}, got ${bytes}`);
}

async function* listObjects(s3: S3Client, bucket: string, prefix: string): AsyncGenerator<ObjectEntry> {
  let token: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }));
    for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) yield { key: Key, bytes: Size ?? 0 };
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token);
}

const describe = (answer: GetObjectCommandOutput | HeadObjectCommandOutput): ObjectHead => ({
  bytes: answer.ContentLength ?? 0,
  etag: unquote(answer.ETag),
  ...(answer.VersionId !== undefined && { version: answer.VersionId }),
  metadata: answer.Metadata ?? {},
  contentType: answer.ContentType ?? '',
});

const unquote = (etag = ''): string => etag.replaceAll('"', '');

// HEAD has no body to name the error in, so it says NotFound.
const isAbsent = (error: unknown): boolean => error instanceof NoSuchKey || error instanceof NotFound || (error as Error).name === 'NoSuchVersion';
