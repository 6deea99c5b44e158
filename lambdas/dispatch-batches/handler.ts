import { randomUUID } from 'node:crypto';
import { Logger } from '@aws-lambda-powertools/logger';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createDynamo, createSqs } from '../../shared/aws/clients.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createWorkQueues } from '../../shared/aws/queues.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { dispatchMessageSchema } from '../../shared/messages.ts';
import { parseJson } from '../../shared/parse-json.ts';
import { dispatchBatches } from './dispatch-batches.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'LANES_TABLE', 'WORK_QUEUE_URLS', 'WINDOWS']);
const logger = new Logger();
const dynamo = createDynamo();
const ports = {
  ledger: createRunLedger(dynamo, configuration.PROGRESS_TABLE),
  lanes: createLaneStore(dynamo, configuration.LANES_TABLE),
  workQueues: createWorkQueues(createSqs(), configuration.WORK_QUEUE_URLS),
  clock: Date.now,
  newStamp: randomUUID,
  windows: configuration.WINDOWS,
};

/** SQS FIFO, one group: one invocation at a time, messages in order. */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const messages = event.Records.flatMap((record) => {
    const parsed = parseJson(record.body, dispatchMessageSchema);
    // An error would stop the group for all: what can't be read is logged whole, and dropped.
    if (!parsed.ok) logger.error('message dropped', { reason: parsed.reason, body: record.body });
    return parsed.ok ? [parsed.value] : [];
  });
  await dispatchBatches(messages, ports);
  return { batchItemFailures: [] };
}
