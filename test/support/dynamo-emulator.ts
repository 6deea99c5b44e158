import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextRound } from 'node:timers/promises';
import { CreateTableCommand, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import dynalite from 'dynalite';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import type { RunLedger } from '../../shared/ports.ts';

/** A DynamoDB emulator in this process, in memory, on a free port of the loopback. */
export async function startDynamo(): Promise<{ client: DynamoDBDocumentClient; createTable(name: string, keys: readonly string[]): Promise<void>; stop(): Promise<void> }> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = createDynamo({ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials });
  return {
    client,
    async createTable(name, keys) {
      await client.send(
        new CreateTableCommand({
          TableName: name,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: keys.map((key) => ({ AttributeName: key, AttributeType: 'S' })),
          KeySchema: keys.map((key, i) => ({ AttributeName: key, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
        }),
      );
      // A busy process is not there yet when the answer is.
      const isThere = async () => (await client.send(new DescribeTableCommand({ TableName: name }))).Table?.TableStatus === 'ACTIVE';
      while (!(await isThere())) await nextRound();
    },
    async stop() {
      client.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The product's ledger on an emulator of its own. */
export async function startLedger(): Promise<{ readonly ledger: RunLedger; stop(): Promise<void> }> {
  const { client, createTable, stop } = await startDynamo();
  await createTable('progress', ['pk', 'sort']);
  return { ledger: createRunLedger(client, 'progress'), stop };
}
