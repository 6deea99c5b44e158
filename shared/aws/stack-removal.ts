import { CloudFormationClient, DeleteStackCommand, GetTemplateCommand, paginateListStackResources, paginateListStacks, type Stack } from '@aws-sdk/client-cloudformation';
import { DeleteTableCommand, DynamoDBClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { AbortMultipartUploadCommand, DeleteBucketCommand, ListMultipartUploadsCommand, ListObjectVersionsCommand, type ObjectIdentifier, S3Client } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { KeptResource, StackRemoval } from '../deployment.ts';
import { ConfigurationError } from '../errors.ts';
import { describeStack, type OperatorAccess } from './account.ts';
import { deleteObjects } from './object-remover.ts';
import { createRunLedger } from './run-ledger.ts';

const POLL_MS = 3_000;

/** Credentials, and what is not given, as the AWS SDK finds them. @param sleep between two looks at a stack that goes */
export function createStackRemoval(access: OperatorAccess, sleep: (ms: number) => Promise<void>): StackRemoval {
  const cloudFormation = new CloudFormationClient(access);
  const dynamo = new DynamoDBClient(access);
  const s3 = new S3Client({ ...access, forcePathStyle: process.env['AWS_ENDPOINT_URL'] !== undefined });
  return {
    async find(name) {
      const stack = (await describeStack(cloudFormation, name)) ?? (await findDeleted(cloudFormation, name));
      if (!stack?.StackId) return undefined;
      const outputs = Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]));
      return { id: stack.StackId, isDeleted: stack.StackStatus === 'DELETE_COMPLETE', kept: await listKept(cloudFormation, stack.StackId), outputs };
    },
    async openRuns({ outputs: { ProgressTable: table } }) {
      if (table === undefined) return [];
      const open = await createRunLedger(DynamoDBDocumentClient.from(dynamo), table).listOpen();
      return open.map(({ run }) => run);
    },
    async deleteStack({ id }) {
      await cloudFormation.send(new DeleteStackCommand({ StackName: id }));
      await waitForEnd(cloudFormation, id, sleep);
    },
    async deleteBucket(bucket, onProgress) {
      try {
        await emptyBucket(s3, bucket, onProgress);
        await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
      } catch (error) {
        if ((error as Error).name !== 'NoSuchBucket') throw error;
      }
    },
    async deleteTable(table) {
      try {
        await dynamo.send(new DeleteTableCommand({ TableName: table }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    },
  };
}

/** CloudFormation lists deleted stacks for 90 days, the latest first. */
async function findDeleted(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  for await (const { StackSummaries: stacks = [] } of paginateListStacks({ client }, { StackStatusFilter: ['DELETE_COMPLETE'] })) {
    const found = stacks.find(({ StackName }) => StackName === name);
    if (found?.StackId) return describeStack(client, found.StackId);
  }
  return undefined;
}

async function listKept(client: CloudFormationClient, id: string): Promise<KeptResource[]> {
  const { TemplateBody: text = '{}' } = await client.send(new GetTemplateCommand({ StackName: id }));
  const { Resources: resources = {} } = JSON.parse(text) as { Resources?: Record<string, { DeletionPolicy?: string }> };
  const kept: KeptResource[] = [];
  for await (const { StackResourceSummaries: page = [] } of paginateListStackResources({ client }, { StackName: id })) {
    for (const { LogicalResourceId: logicalId = '', ResourceType: type = '', PhysicalResourceId: name } of page) {
      if (name !== undefined && resources[logicalId]?.DeletionPolicy === 'Retain') kept.push({ logicalId, type, name });
    }
  }
  return kept;
}

async function waitForEnd(client: CloudFormationClient, id: string, sleep: (ms: number) => Promise<void>): Promise<void> {
  for (;;) {
    const stack = await describeStack(client, id);
    if (!stack || stack.StackStatus === 'DELETE_COMPLETE') return;
    if (stack.StackStatus === 'DELETE_FAILED') throw new ConfigurationError(`the stack can't go: ${stack.StackStatusReason ?? 'see its events in CloudFormation'}; mend that, and the same command goes on`);
    await sleep(POLL_MS);
  }
}

/** S3: a page of versions has up to 1,000, and so has a call that deletes. What is gone is listed no more: the first page is the next one. */
async function emptyBucket(client: S3Client, bucket: string, onProgress: (deleted: number) => void): Promise<void> {
  let deleted = 0;
  for (;;) {
    const { Versions: versions = [], DeleteMarkers: markers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const objects = [...versions, ...markers].map(({ Key, VersionId }): ObjectIdentifier => ({ Key: Key!, VersionId: VersionId! }));
    if (objects.length === 0) break;
    await deleteObjects(client, bucket, objects);
    onProgress((deleted += objects.length));
  }
  await abortUploads(client, bucket);
}

/** The first page is the next one here, too. */
async function abortUploads(client: S3Client, bucket: string): Promise<void> {
  for (;;) {
    const { Uploads: uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    if (uploads.length === 0) return;
    for (const { Key, UploadId } of uploads) await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
  }
}
