import { Readable } from 'node:stream';
import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { ManifestSource } from '../rows.ts';

export interface ManifestUpload {
  /** `<tenant>/<processor>/<name>` */
  readonly key: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** `x-amz-meta-*` without the prefix. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Stores a manifest in a versioned bucket and says which version it became. */
export async function uploadManifest(s3: S3Client, bucket: string, { key, body, metadata }: ManifestUpload): Promise<ManifestSource> {
  const params = { Bucket: bucket, Key: key, Body: Readable.from(body, { objectMode: false }), Metadata: { ...metadata } };
  const { VersionId: version } = await new Upload({ client: s3, params, leavePartsOnError: false }).done();
  if (version === undefined) throw new Error(`expected the bucket ${bucket} to keep versions, the upload of ${key} got none`);
  const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  return { bucket, key, version, bytes: head.ContentLength ?? 0, etag: (head.ETag ?? '').replaceAll('"', '') };
}
