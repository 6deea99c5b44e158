import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** Where the services are. Empty: what the SDK finds in its environment, as in a deployed function. */
export interface ServiceAccess {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Attempts of one call, the first included. */
const MAX_ATTEMPTS = 5;

export const createS3 = (access: ServiceAccess = {}): S3Client =>
  // Path style: an emulator's host name carries no bucket. AWS serves both.
  new S3Client({ ...access, maxAttempts: MAX_ATTEMPTS, forcePathStyle: isEmulated(access) });

export const createSqs = (access: ServiceAccess = {}): SQSClient =>
  // An emulator's queue URL names a host that may not resolve.
  new SQSClient({ ...access, maxAttempts: MAX_ATTEMPTS, useQueueUrlAsEndpoint: !isEmulated(access) });

export const createSfn = (access: ServiceAccess = {}): SFNClient => new SFNClient({ ...access, maxAttempts: MAX_ATTEMPTS });

export const createSsm = (access: ServiceAccess = {}): SSMClient => new SSMClient({ ...access, maxAttempts: MAX_ATTEMPTS });

export const createDynamo = (access: ServiceAccess = {}): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(new DynamoDBClient({ ...access, maxAttempts: MAX_ATTEMPTS }), {
    marshallOptions: { removeUndefinedValues: true },
  });

const isEmulated = (access: ServiceAccess): boolean => (access.endpoint ?? process.env['AWS_ENDPOINT_URL']) !== undefined;
