import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { createStores, startWithClients } from './clients.ts';

/** Writes number after number to every store and prints each that was acknowledged, until it is killed. */
const { front, s3, sqs, dynamodb } = await startWithClients(process.argv[2]);
const { url: QueueUrl } = await createStores(front);
for (let n = 0; ; n++) {
  const text = String(n);
  await Promise.all([
    s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: 'current', Body: text.repeat(20_000) })),
    s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: `each/${text}`, Body: text })),
    sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: text })),
    dynamodb.send(new PutItemCommand({ TableName: 'progress', Item: { pk: { S: text } } })),
  ]);
  process.stdout.write(`${text}\n`);
}
