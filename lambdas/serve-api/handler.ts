import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@aws-lambda-powertools/logger';
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import { mainLimitPerSecond } from '../../processors/main-limit.ts';
import { findProcessor, listProcessors } from '../../processors/registry.ts';
import { admitRun } from '../../shared/admission.ts';
import { createKey } from '../../shared/api-keys.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createCreditAccounts } from '../../shared/aws/credit-accounts.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createExecutions, createTaskAnswers } from '../../shared/aws/executions.ts';
import { createKeyStore } from '../../shared/aws/key-table.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createLimitControlOf } from '../../shared/aws/limit-control.ts';
import { createLimitSettings } from '../../shared/aws/limit-settings-table.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { probeQueue, probeStateMachine } from '../../shared/aws/probes.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { createRunErasures } from '../../shared/aws/run-erasures.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createFormSigner } from '../../shared/aws/signed-forms.ts';
import { createLinkSigner } from '../../shared/aws/signed-links.ts';
import { createSubmissionStore } from '../../shared/aws/submission-table.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { uploadManifest } from '../../shared/aws/upload-manifest.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { countWaiting, describeQueue, waitsOf } from '../../shared/describe-queue.ts';
import type { LaneState } from '../../shared/lane-state.ts';
import { emptyLanes } from '../../shared/lanes.ts';
import { rememberSettings } from '../../shared/limiting/settings-store.ts';
import { createRunControl } from '../../shared/run-control.ts';
import { createTenantAdmin } from '../../shared/tenant-admin.ts';
import type { ApiPorts } from './ports.ts';
import { rememberProbes } from './probes.ts';
import { serveApi } from './serve-api.ts';
import { servePage } from './serve-page.ts';

/** What is kept of the call's time for the answer: the sweep goes on with a stop that takes longer. */
const CLOSING_MS = 4000;

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE', 'LANES_TABLE', 'TENANTS_TABLE', 'LIMITS_TABLE', 'HOST_REQUESTS_PER_SECOND', 'MANIFESTS_BUCKET', 'UPLOADS_BUCKET', 'RESULTS_BUCKET', 'DISPATCH_QUEUE_URL', 'STATE_MACHINE_ARN']);
const logger = new Logger();
const dynamo = createDynamo();
const s3 = createS3();
const sfn = createSfn();
const ledger = createRunLedger(dynamo, configuration.PROGRESS_TABLE);
const results = createObjectStore(s3, configuration.RESULTS_BUCKET);
const manifests = createObjectStore(s3, configuration.MANIFESTS_BUCKET);
const executions = createExecutions(sfn, configuration.STATE_MACHINE_ARN);
const uploads = createObjectStore(s3, configuration.UPLOADS_BUCKET);
const lanes = createLaneStore(dynamo, configuration.LANES_TABLE);
const readLanes = async (): Promise<LaneState> => ((await lanes.read())?.state as LaneState | undefined) ?? emptyLanes();
const sqs = createSqs();
const dispatchQueue = createDispatchQueue(sqs, configuration.DISPATCH_QUEUE_URL);
const storedLimits = createLimitSettings(dynamo, configuration.LIMITS_TABLE);
const limitSettings = rememberSettings(storedLimits, Date.now);
const tenantsTable = configuration.TENANTS_TABLE;
const tenants = createTenantStore(dynamo, tenantsTable);
const accounts = createCreditAccounts(dynamo, tenantsTable, Date.now);
const room = createWaitingRoom(dynamo, tenantsTable);
const controlPorts = { ledger, results, executions, taskAnswers: createTaskAnswers(sfn), dispatchQueue, clock: Date.now, newOwner: randomUUID };

const ports: Omit<ApiPorts, 'control'> = {
  keys: createKeyStore(dynamo, tenantsTable),
  newKey: (of) => createKey(of, randomBytes),
  ledger,
  erasures: createRunErasures(dynamo, configuration.PROGRESS_TABLE),
  results,
  manifests,
  signResult: createLinkSigner(s3, configuration.RESULTS_BUCKET),
  upload: (manifest) => uploadManifest(s3, configuration.MANIFESTS_BUCKET, manifest),
  admit: (upload) => admitRun(upload, { ledger, manifests, executions, processors: listProcessors() }),
  uploads,
  signForm: createFormSigner(s3, configuration.UPLOADS_BUCKET),
  submissions: createSubmissionStore(dynamo, tenantsTable),
  tenants,
  accounts,
  room,
  tenantAdmin: createTenantAdmin({ ledger, tenants, room, accounts, credits: createCredits(dynamo, tenantsTable, Date.now), maxWaitingItemsOf: (processor) => findProcessor(processor)?.maxWaitingItems, dispatchQueue, clock: Date.now, newNonce: randomUUID }),
  limits: createLimitControlOf(dynamo, configuration.LIMITS_TABLE, { hostRequestsPerSecond: configuration.HOST_REQUESTS_PER_SECOND, countWaiting: async () => countWaiting(await readLanes(), Date.now()) }),
  findProcessor,
  limitPerSecond: (processor, options) => mainLimitPerSecond(processor, options, { settings: limitSettings, hostRequestsPerSecond: configuration.HOST_REQUESTS_PER_SECOND }),
  waitsOf: async (run) => waitsOf(await readLanes(), run, Date.now()),
  describeQueue: async () => describeQueue(await readLanes(), Date.now()),
  probe: rememberProbes(
    {
      ledger: () => ledger.readRun('health'),
      tenants: () => tenants.readSettings('health'),
      lanes: () => lanes.read(),
      limits: () => storedLimits.read(),
      manifests: () => manifests.head('health'),
      uploads: () => uploads.head('health'),
      results: () => results.head('health'),
      dispatchQueue: () => probeQueue(sqs, configuration.DISPATCH_QUEUE_URL),
      stateMachine: () => probeStateMachine(sfn, configuration.STATE_MACHINE_ARN),
    },
    Date.now,
  ),
  clock: Date.now,
  newId: randomUUID,
  onError: (error) => logger.error('request not answered', error as Error),
};

/** The page lies beside the bundle. */
function readAsset(name: string): string | undefined {
  const path = join(import.meta.dirname, 'dashboard', name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** API Gateway REST, Lambda proxy. */
export async function handler(event: APIGatewayProxyEvent, context: Context): Promise<APIGatewayProxyResult> {
  const deadline = Date.now() + context.getRemainingTimeInMillis() - CLOSING_MS;
  const request = requestOf(event);
  const { status, headers, body = '' } = servePage(request, readAsset) ?? (await serveApi(request, { ...ports, control: createRunControl({ ...controlPorts, deadline }) }));
  return { statusCode: status, headers: { ...headers }, body };
}

function requestOf({ httpMethod, path, headers, queryStringParameters, body, isBase64Encoded }: APIGatewayProxyEvent) {
  return { method: httpMethod, path, headers: lowerCase(headers ?? {}), query: defined(queryStringParameters ?? {}), body: body === null ? undefined : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') };
}

const defined = (values: Readonly<Record<string, string | undefined>>): Record<string, string> => Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
const lowerCase = (headers: Readonly<Record<string, string | undefined>>): Record<string, string> => Object.fromEntries(Object.entries(defined(headers)).map(([name, value]) => [name.toLowerCase(), value]));
