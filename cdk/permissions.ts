import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { HandlerFunction } from './constructs/handler-function.ts';

/** The permissions that go together on S3. Those on tables and queues stand in the stack, action by action. */

/** Reads objects; `s3:GetObject` also answers HeadObject. */
export const allowRead = (handler: HandlerFunction, bucket: Bucket): HandlerFunction => handler.allow(bucket.arnForObjects('*'), 's3:GetObject');

/** Writes objects, large ones in parts; a broken upload is given up at once. */
export const allowWrite = (handler: HandlerFunction, bucket: Bucket, keys = '*'): HandlerFunction =>
  handler.allow(bucket.arnForObjects(keys), 's3:PutObject', 's3:AbortMultipartUpload');

/** Lists a bucket. Without it S3 answers 403 instead of 404 for an object that does not exist. */
export const allowList = (handler: HandlerFunction, bucket: Bucket): HandlerFunction => handler.allow(bucket.bucketArn, 's3:ListBucket');
