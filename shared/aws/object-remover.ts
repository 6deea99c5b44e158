import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import type { ObjectRemover } from '../ports.ts';

/** S3: at most 1,000 keys a call. */
const KEYS_PER_CALL = 1000;

export const createObjectRemover = (s3: S3Client, bucket: string): ObjectRemover => ({
  async remove(keys) {
    for (let at = 0; at < keys.length; at += KEYS_PER_CALL) {
      const Objects = keys.slice(at, at + KEYS_PER_CALL).map((Key) => ({ Key }));
      const { Errors: [fault] = [] } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }));
      if (fault) throw new Error(`expected to delete ${fault.Key}, got ${fault.Code}: ${fault.Message}`);
    }
  },
  async removeVersion({ key, version }) {
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  },
});
