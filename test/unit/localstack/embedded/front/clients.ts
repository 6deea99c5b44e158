import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { REGION, type Credentials, type ServiceFront } from '../../../../../localstack/embedded/contracts.ts';
import { startFront } from '../../../../../localstack/embedded/front/service-front.ts';

export interface Clients {
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly states: SFNClient;
}

/** Plain SDK clients that know the endpoint only. */
export function createClients(endpoint: string, credentials: Credentials): Clients {
  const config = { endpoint, credentials, region: REGION, maxAttempts: 1 };
  return { s3: new S3Client(config), sqs: new SQSClient(config), dynamodb: new DynamoDBClient(config), states: new SFNClient(config) };
}

export interface RunningFront extends Clients {
  readonly front: ServiceFront;
  stop(): Promise<void>;
}

export async function startWithClients(dataFolder: string | undefined): Promise<RunningFront> {
  const front = await startFront({ dataFolder });
  const clients = createClients(front.endpoint, front.credentialsFor('operator'));
  const stop = async (): Promise<void> => {
    for (const client of Object.values(clients)) client.destroy();
    await front.stop();
  };
  return { front, ...clients, stop };
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

export function makeFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'spillway-front-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** One store of each kind, as a deployment creates them: again at each start. */
export async function createStores(front: ServiceFront): Promise<{ readonly url: string }> {
  await front.createBucket('manifests', { isVersioned: true, sendsEvents: true });
  await front.createTable({ name: 'progress', keySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }], attributes: [{ AttributeName: 'pk', AttributeType: 'S' }] });
  return front.createQueue({ name: 'work', attributes: { VisibilityTimeout: '600' } });
}
