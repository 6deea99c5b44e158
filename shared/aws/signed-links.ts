import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

/** Links that open one object of a bucket, for whoever has them, until their time is over: at most as long as the credentials that sign them. */
export const createLinkSigner = (s3: S3Client, bucket: string) => (key: string, seconds: number): Promise<string> => getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn: seconds });
