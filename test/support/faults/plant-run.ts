import { readFileSync } from 'node:fs';
import { type AttributeValue, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import { createDynamo, createSfn, createSqs } from '../../../shared/aws/clients.ts';
import { createExecutions } from '../../../shared/aws/executions.ts';
import type { ShortStack } from './short-stack.ts';

/** A file of `test/fixtures/versions`. Tables and buckets by the template's outputs, queues by their names. */
interface RunInFlight {
  readonly run: string;
  /** Of the uploaded manifest; a stack gives its own. */
  readonly version: string;
  readonly tables: Readonly<Record<string, readonly Record<string, AttributeValue>[]>>;
  readonly buckets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly queues: Readonly<Record<string, readonly string[]>>;
}

/** Puts everything that an earlier release left of a run into a stack, and starts its state machine again. @returns the run's id */
export async function plantRun(stack: ShortStack, file: string): Promise<string> {
  const text = readFileSync(file, 'utf8');
  const recorded = JSON.parse(text) as RunInFlight;
  const version = await plantObjects(stack, recorded);
  const { run, tables, queues } = JSON.parse(text.replaceAll(recorded.version, version)) as RunInFlight;
  const { endpoint, credentials, outputs } = stack.stack;
  const access = { endpoint, region: REGION, credentials };
  const dynamo = createDynamo(access);
  for (const [output, items] of Object.entries(tables)) {
    for (const item of items) await dynamo.send(new PutItemCommand({ TableName: outputs[output]!, Item: Object.fromEntries(Object.entries(item).map(([name, value]) => [name, toAttribute(value)])) }));
  }
  await plantMessages(createSqs(access), queues);
  await createExecutions(createSfn(access), outputs['StateMachineArn']!).start(run, { v: 1, run });
  return run;
}

/** @returns the manifest's version */
async function plantObjects({ client }: ShortStack, { buckets }: RunInFlight): Promise<string> {
  let manifestVersion: string | undefined;
  for (const [output, objects] of Object.entries(buckets)) {
    for (const [Key, body] of Object.entries(objects)) {
      const { VersionId } = await client.s3.send(new PutObjectCommand({ Bucket: client.output(output), Key, Body: Buffer.from(body, 'base64') }));
      if (output === 'ManifestsBucket') manifestVersion = VersionId;
    }
  }
  return manifestVersion!;
}

async function plantMessages(sqs: ReturnType<typeof createSqs>, queues: RunInFlight['queues']): Promise<void> {
  for (const [QueueName, bodies] of Object.entries(queues)) {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    const fifo = (i: number) => (QueueName.endsWith('.fifo') ? { MessageGroupId: 'lanes', MessageDeduplicationId: `planted/${i}` } : {});
    for (const [i, MessageBody] of bodies.entries()) await sqs.send(new SendMessageCommand({ QueueUrl: QueueUrl!, MessageBody, ...fifo(i) }));
  }
}

/** JSON has no bytes. */
const toAttribute = (value: AttributeValue): AttributeValue => ('B' in value ? { B: Buffer.from(String(value.B), 'base64') } : value);
