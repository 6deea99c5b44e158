import { Stack, Validations } from 'aws-cdk-lib';
import type { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import type { HandlerFunction } from './constructs/handler-function.ts';

/** `s3:GetObject` also answers HeadObject. */
export const READ = ['s3:GetObject'] as const;
/** Reads exactly one version of an object; HeadObject asks for both. */
export const READ_VERSIONS = ['s3:GetObject', 's3:GetObjectVersion'] as const;
/** What is always read by its version needs no more. */
export const READ_EXACT_VERSIONS = ['s3:GetObjectVersion'] as const;
/** Never more than fits into one call. */
export const WRITE_SMALL = ['s3:PutObject'] as const;
/** Large objects are written in parts; a broken upload is given up at once. */
export const WRITE = ['s3:PutObject', 's3:AbortMultipartUpload'] as const;

/** What `refusalKey` names. */
export const REFUSALS = '*.refused.json';

export interface ObjectPermission {
  readonly bucket: Bucket;
  /** Key pattern with `*`. @default every key */
  readonly keys?: string;
  readonly actions: readonly string[];
  /** Why no narrower pattern will do: the reason that cdk-nag asks for. */
  readonly because: string;
}

export function allowObjects(handler: HandlerFunction, { bucket, keys = '*', actions, because }: ObjectPermission): void {
  handler.allow(bucket.arnForObjects(keys), ...actions);
  Validations.of(handler).acknowledge({ id: wildcardFinding(bucket, keys), reason: because });
}

/** Without it S3 answers 403 instead of 404 for an object that does not exist. */
export function allowList(handler: HandlerFunction, bucket: Bucket): void {
  handler.allow(bucket.bucketArn, 's3:ListBucket');
}

/** Where an operator puts the APIs that this stack may call, each as one SecureString parameter. */
export const apisPrefix = (stack: Stack): string => `/${stack.stackName}/apis/`;

/** AWS's own key of Parameter Store encrypts them, so no permission of KMS is needed. */
export function allowApis(handler: HandlerFunction, stack: Stack): void {
  const resource = stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: `${stack.stackName}/apis/*` });
  handler.allow(resource, 'ssm:GetParameter');
  const finding = `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/${stack.stackName}/apis/*]`;
  Validations.of(handler).acknowledge({ id: finding, reason: 'The operator names APIs after the stack is deployed; nothing else lies below the prefix.' });
}

/** cdk-nag's name for the finding that a statement ends in `*` on this bucket. */
export function wildcardFinding(bucket: Bucket, keys: string): string {
  const logicalId = Stack.of(bucket).getLogicalId(bucket.node.defaultChild as CfnBucket);
  return `AwsSolutions-IAM5[Resource::<${logicalId}.Arn>/${keys}]`;
}
