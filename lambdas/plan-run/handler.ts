import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { mainLimitPerSecond } from '../../processors/main-limit.ts';
import { findProcessor } from '../../processors/registry.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createTaskAnswers } from '../../shared/aws/executions.ts';
import { createLimitSettings } from '../../shared/aws/limit-settings-table.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createPaceStore } from '../../shared/aws/pace-table.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { createWorkerFetcher, FETCH_VARIABLES } from '../../shared/aws/worker-fetcher.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { type PlanAnswer, runInputSchema } from '../../shared/messages.ts';
import { readPayload } from '../../shared/parse-json.ts';
import type { PlannedRun, RunRecord } from '../../shared/records.ts';
import { letIn } from '../../shared/let-in.ts';
import { finishStop } from '../../shared/stop-run.ts';
import { planRun } from './plan-run.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'TENANTS_TABLE', 'MANIFESTS_BUCKET', 'RESULTS_BUCKET', 'DISPATCH_QUEUE_URL', ...FETCH_VARIABLES]);
const s3 = createS3();
const dynamo = createDynamo();
const fetcher = createWorkerFetcher(dynamo, configuration);
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const results = createObjectStore(s3, configuration.RESULTS_BUCKET);
const stopPorts = {
  ledger,
  results,
  clock: Date.now,
  newOwner: randomUUID,
  dispatchQueue: createDispatchQueue(createSqs(), configuration.DISPATCH_QUEUE_URL),
  taskAnswers: createTaskAnswers(createSfn()),
};
const tenants = createTenantStore(dynamo, configuration.TENANTS_TABLE);
const credits = createCredits(dynamo, configuration.TENANTS_TABLE, Date.now);
const limitSettings = createLimitSettings(dynamo, configuration.LIMITS_TABLE);
const limitPerSecond = ({ processor, options }: PlannedRun) => mainLimitPerSecond(findProcessor(processor), options, { settings: () => limitSettings.read(), hostRequestsPerSecond: configuration.HOST_REQUESTS_PER_SECOND });
const room = createWaitingRoom(dynamo, configuration.TENANTS_TABLE);
const ports = {
  ledger,
  manifests: createObjectStore(s3, configuration.MANIFESTS_BUCKET),
  results,
  tenants,
  paces: createPaceStore(dynamo, configuration.TENANTS_TABLE, Date.now),
  letIn: (run: PlannedRun) => letIn(run, { ledger, credits, room, tenants, maxWaitingItemsOf: (processor) => findProcessor(processor)?.maxWaitingItems, limitPerSecond, clock: Date.now }),
  finishStop: (run: RunRecord) => finishStop(run, stopPorts),
  newNonce: randomUUID,
  fetchPage: fetcher.fetchPage,
  clock: Date.now,
  processorOf: findProcessor,
};

/** Time kept for giving up in order when the manifest is too large for one invocation. */
const CLOSING_MS = 20_000;

/** State machine: the first step of a run. */
export async function handler(event: unknown, context: Context): Promise<PlanAnswer> {
  const signal = AbortSignal.timeout(Math.max(0, context.getRemainingTimeInMillis() - CLOSING_MS));
  try {
    return await planRun(readPayload(event, runInputSchema), { ...ports, signal });
  } finally {
    await fetcher.rest();
  }
}
