import { Readable } from 'node:stream';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { MAX_METADATA_OPTIONS_BYTES, OPTIONS_METADATA, OPTIONS_VERSION_METADATA, optionsKey } from '../options-file.ts';
import type { ManifestSource } from '../rows.ts';

export interface ManifestUpload {
  /** `<tenant>/<processor>/<name>` */
  readonly key: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** `x-amz-meta-*` without the prefix. Options may be longer than S3 allows. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Stores a manifest in a versioned bucket and says which version it became. */
export async function uploadManifest(s3: S3Client, bucket: string, { key, body, metadata: given }: ManifestUpload): Promise<ManifestSource> {
  const metadata = await storeLongOptions(s3, bucket, key, given);
  const params = { Bucket: bucket, Key: key, Body: Readable.from(body, { objectMode: false }), Metadata: metadata };
  const { VersionId: version } = await new Upload({ client: s3, params, leavePartsOnError: false }).done();
  if (version === undefined) throw new Error(`expected the bucket ${bucket} to keep versions, the upload of ${key} got none`);
  const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  return { bucket, key, version, bytes: head.ContentLength ?? 0, etag: (head.ETag ?? '').replaceAll('"', '') };
}

/** Before the manifest: its event makes the run. */
async function storeLongOptions(s3: S3Client, bucket: string, key: string, { [OPTIONS_METADATA]: options, ...rest }: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  if (options === undefined) return rest;
  // Metadata is US-ASCII only.
  const isShort = options.length <= MAX_METADATA_OPTIONS_BYTES && /^[\x20-\x7E]*$/.test(options);
  if (isShort) return { ...rest, [OPTIONS_METADATA]: options };
  const { VersionId: version } = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: optionsKey(key), Body: options, ContentType: 'application/json' }));
  if (version === undefined) throw new Error(`expected the bucket ${bucket} to keep versions, the options of ${key} got none`);
  return { ...rest, [OPTIONS_VERSION_METADATA]: version };
}
