import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import type { S3Client } from '@aws-sdk/client-s3';

export interface FormBounds {
  /** What the key of every file begins with. */
  readonly keyPrefix: string;
  /** What the type of every file begins with; '': any. */
  readonly contentType: string;
  readonly maxFileBytes: number;
  readonly seconds: number;
}

export interface SignedForm {
  readonly url: string;
  /** To be sent before the file; `key` and `Content-Type` with values of the sender's own within the bounds. */
  readonly fields: Readonly<Record<string, string>>;
}

export type FormSigner = (bounds: FormBounds) => Promise<SignedForm>;

/** Forms that store files of anybody who has them (S3: POST Object), until their time is over: at most as long as the credentials that sign them. */
export const createFormSigner = (s3: S3Client, bucket: string): FormSigner => ({ keyPrefix, contentType, maxFileBytes, seconds }) =>
  createPresignedPost(s3, {
    Bucket: bucket,
    // S3 puts the file's own name there.
    Key: `${keyPrefix}\${filename}`,
    Fields: { 'Content-Type': contentType === '' || contentType.endsWith('/') ? 'application/octet-stream' : contentType },
    Conditions: [['starts-with', '$key', keyPrefix], ['starts-with', '$Content-Type', contentType], ['content-length-range', 0, maxFileBytes]],
    Expires: seconds,
  });
