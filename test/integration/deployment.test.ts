import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { CreateMultipartUploadCommand, DeleteObjectCommand, ListBucketsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { STACK_NAME } from '../../cdk/assemble.ts';
import { createS3 } from '../../shared/aws/clients.ts';
import { startTarget } from '../support/targets/start-target.ts';
import { readTargetName, type Target } from '../support/targets/target.ts';

const CLI = resolve(import.meta.dirname, '../../cli/main.ts');
/** More than two pages of S3. */
const VERSIONS = 2_300;
const PUTS_AT_ONCE = 20;
const KEPT = { DeletionPolicy: 'Retain' } as const;

/** What matters of the stack when it goes: what it keeps, versions, a table, and something that goes with it. */
const SMALL_TEMPLATE = {
  Resources: {
    Manifests: { Type: 'AWS::S3::Bucket', ...KEPT, Properties: { VersioningConfiguration: { Status: 'Enabled' } } },
    Tenants: { Type: 'AWS::DynamoDB::Table', ...KEPT, Properties: { BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }], KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] } },
    Queue: { Type: 'AWS::SQS::Queue' },
  },
};

// The embedded stack has no CloudFormation.
describe.runIf(readTargetName(process.env) === 'localstack')('a deployed stack', () => {
  let target: Target;
  let access: { endpoint: string; region: string; credentials: Target['credentials'] };
  beforeAll(async () => {
    target = await startTarget();
    access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
  });

  async function spillway(...words: string[]): Promise<{ code: number | null; out: string; notes: string }> {
    const { accessKeyId, secretAccessKey } = target.credentials;
    const aws = { AWS_ENDPOINT_URL: target.endpoint, AWS_REGION: target.region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const child = spawn(process.execPath, [CLI, ...words], { env: { PATH: process.env['PATH'], ...aws }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, notes] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (notes += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, notes };
  }

  const bucketsOf = async (s3: S3Client, stack: string) => ((await s3.send(new ListBucketsCommand({}))).Buckets ?? []).map(({ Name = '' }) => Name).filter((name) => name.startsWith(`${stack.toLowerCase()}-`));
  const tablesOf = async (stack: string) => ((await new DynamoDBClient(access).send(new ListTablesCommand({}))).TableNames ?? []).filter((name) => name.startsWith(`${stack}-`));

  async function deploySmallStack(stack: string): Promise<{ s3: S3Client; bucket: string }> {
    const client = new CloudFormationClient(access);
    await client.send(new CreateStackCommand({ StackName: stack, TemplateBody: JSON.stringify(SMALL_TEMPLATE) }));
    await waitUntilStackCreateComplete({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { StackName: stack });
    const s3 = createS3(access);
    const [bucket = ''] = await bucketsOf(s3, stack);
    return { s3, bucket };
  }

  it('is found well by doctor --aws', async () => {
    const { code, out } = await spillway('doctor', '--aws', '--json');
    const findings = JSON.parse(out) as { name: string; found: string }[];
    expect({ code, names: findings.map(({ name }) => name) }).toEqual({ code: 0, names: ['Region', 'identity', 'bootstrap', 'concurrency', 'stack'] });
    expect(findings.at(-1)!.found).toBe(`${STACK_NAME} is CREATE_COMPLETE`);
  });

  it('is not destroyed where nobody can be asked', async () => {
    expect(await spillway('destroy')).toMatchObject({ code: 2, notes: expect.stringContaining('expected --yes where nobody can be asked') });
  });

  it('goes without its data, and then its data with every version, marker and open upload', async () => {
    const stack = `Small-${Date.now()}`;
    const { s3, bucket } = await deploySmallStack(stack);
    for (let n = 0; n < VERSIONS; n += PUTS_AT_ONCE) await Promise.all(Array.from({ length: PUTS_AT_ONCE }, (_, k) => s3.send(new PutObjectCommand({ Bucket: bucket, Key: `key-${(n + k) % 7}`, Body: String(n + k) }))));
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'key-3' }));
    await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'large' }));

    const kept = await spillway('destroy', '--stack', stack, '--yes');
    expect(kept).toMatchObject({ code: 0, out: expect.stringContaining(`still there: Manifests ${bucket}`) });
    expect([await bucketsOf(s3, stack), (await tablesOf(stack)).length]).toEqual([[bucket], 1]);

    const gone = await spillway('destroy', '--stack', stack, '--with-data', '--yes', '--json');
    expect(gone).toMatchObject({ code: 0, notes: expect.stringContaining(`${(VERSIONS + 1).toLocaleString('en-US')} versions of ${bucket} are gone`) });
    expect((JSON.parse(gone.out) as { deleted: { logicalId: string }[] }).deleted.map(({ logicalId }) => logicalId).sort()).toEqual(['Manifests', 'Tenants']);
    expect([await bucketsOf(s3, stack), await tablesOf(stack)]).toEqual([[], []]);

    // Once more, as after a stop in the middle: what is gone is no error.
    expect(await spillway('destroy', '--stack', stack, '--with-data', '--yes')).toMatchObject({ code: 0 });
  });
});
