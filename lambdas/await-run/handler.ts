import { createDynamo, createSfn } from '../../shared/aws/clients.ts';
import { createTaskAnswers } from '../../shared/aws/executions.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { awaitInputSchema } from '../../shared/messages.ts';
import { readPayload } from '../../shared/parse-json.ts';
import { awaitRun } from './await-run.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE']);
const ports = {
  ledger: createRunLedger(createDynamo(), configuration.PROGRESS_TABLE),
  taskAnswers: createTaskAnswers(createSfn()),
};

/** State machine, `waitForTaskToken`: the answer here is dropped; the token's answer counts. */
export const handler = async (event: unknown): Promise<string> => awaitRun(readPayload(event, awaitInputSchema), ports);
