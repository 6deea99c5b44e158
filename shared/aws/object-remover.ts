import { DeleteObjectCommand, DeleteObjectsCommand, type ObjectIdentifier, type S3Client } from '@aws-sdk/client-s3';
import { ConfigurationError } from '../errors.ts';
import type { ObjectRemover } from '../ports.ts';

/** S3: at most 1,000 keys a call. */
const KEYS_PER_CALL = 1000;

export const createObjectRemover = (s3: S3Client, bucket: string): ObjectRemover => ({
  async remove(keys) {
    for (let at = 0; at < keys.length; at += KEYS_PER_CALL) await deleteObjects(s3, bucket, keys.slice(at, at + KEYS_PER_CALL).map((Key) => ({ Key })));
  },
  async removeVersion({ key, version }) {
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  },
});

/** One call: at most 1,000. @throws ConfigurationError if one of them can't be deleted */
export async function deleteObjects(client: S3Client, bucket: string, objects: ObjectIdentifier[]): Promise<void> {
  const { Errors: [first, ...others] = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }));
  if (first) throw new ConfigurationError(`${first.Key} of ${bucket} can't be deleted: ${first.Message ?? first.Code}${others.length > 0 ? `, nor can ${others.length} more` : ''}`);
}
