import { DeleteItemCommand, ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListQueuesCommand, PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import type { EmbeddedStack } from '../../../localstack/embedded/stack.ts';
import { createDynamo, createSqs } from '../../../shared/aws/clients.ts';

/** Everything in a stack that is soft state, and may be gone at any moment. */
export class SoftState {
  readonly #sqs: ReturnType<typeof createSqs>;
  readonly #dynamo: DynamoDBClient;
  readonly #lanesTable: string;

  constructor({ endpoint, credentials, outputs }: EmbeddedStack) {
    const access = { endpoint, region: REGION, credentials };
    this.#sqs = createSqs(access);
    this.#dynamo = createDynamo(access);
    this.#lanesTable = outputs['LanesTable']!;
  }

  /** @param name a part of the queues' names; all by default */
  async purgeQueues(name = ''): Promise<void> {
    const { QueueUrls = [] } = await this.#sqs.send(new ListQueuesCommand({}));
    const urls = QueueUrls.filter((url) => url.includes(name));
    if (urls.length === 0) throw new Error(`expected a queue that is called ${name}, found ${QueueUrls.join(', ')}`);
    await Promise.all(urls.map((QueueUrl) => this.#sqs.send(new PurgeQueueCommand({ QueueUrl }))));
  }

  /** @returns whether there were any */
  async deleteLanes(): Promise<boolean> {
    const { Items = [] } = await this.#dynamo.send(new ScanCommand({ TableName: this.#lanesTable }));
    for (const { pk } of Items) await this.#dynamo.send(new DeleteItemCommand({ TableName: this.#lanesTable, Key: { pk: pk! } }));
    return Items.length > 0;
  }
}
