import { processorOf } from '../../processors/registry.ts';
import { createDynamo, createS3 } from '../../shared/aws/clients.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { runInputSchema } from '../../shared/messages.ts';
import { readPayload } from '../../shared/parse-json.ts';
import { mergeResults } from './merge-results.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'RESULTS_BUCKET']);
const ports = {
  ledger: createRunLedger(createDynamo(), configuration.PROGRESS_TABLE),
  results: createObjectStore(createS3(), configuration.RESULTS_BUCKET),
  processorOf,
};

/** State machine: after the last shard. */
export const handler = async (event: unknown) => mergeResults(readPayload(event, runInputSchema), ports);
