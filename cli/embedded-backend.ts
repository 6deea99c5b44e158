import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { REGION } from '../localstack/embedded/contracts.ts';
import { readLockHolder } from '../localstack/embedded/lock.ts';
import type { EmbeddedStack, StoreAccess } from '../localstack/embedded/stack.ts';
import { findProcessor, listProcessors } from '../processors/registry.ts';
import { admitRun } from '../shared/admission.ts';
import { createDynamo, createS3, createSfn, createSqs } from '../shared/aws/clients.ts';
import type { ServiceAccess } from '../shared/aws/clients.ts';
import { createCreditAccounts } from '../shared/aws/credit-accounts.ts';
import { createCredits } from '../shared/aws/credit-table.ts';
import { createDeadLetters, type DeadLetterQueues } from '../shared/aws/dead-letters.ts';
import { createLeaseEnder } from '../shared/aws/dead-leases.ts';
import { createExecutions, createTaskAnswers } from '../shared/aws/executions.ts';
import { createKeyStore } from '../shared/aws/key-table.ts';
import { createLaneStore } from '../shared/aws/lane-table.ts';
import { createLimitControlOf } from '../shared/aws/limit-control.ts';
import { createObjectStore } from '../shared/aws/object-store.ts';
import { createDispatchQueue } from '../shared/aws/queues.ts';
import { createRunLedger } from '../shared/aws/run-ledger.ts';
import { createTenantStore } from '../shared/aws/tenant-table.ts';
import { uploadManifest } from '../shared/aws/upload-manifest.ts';
import { createWaitingRoom } from '../shared/aws/waiting-room.ts';
import { countWaiting, describeQueue, waitsOf } from '../shared/describe-queue.ts';
import { UsageError } from '../shared/errors.ts';
import type { LaneState } from '../shared/lane-state.ts';
import { emptyLanes } from '../shared/lanes.ts';
import type { LaneStore } from '../shared/ports.ts';
import { uploadOf } from '../shared/upload-event.ts';
import { readApiVariable } from './api-variable.ts';
import type { Backend, BackendOptions } from './backend.ts';
import { provideTemplate } from './template-folder.ts';
import { endDeadLeases, forgetSlots, resumeOpenRuns } from './resume-open-runs.ts';
import { createRunControl } from '../shared/run-control.ts';
import { createTenantAdmin } from '../shared/tenant-admin.ts';

/** How another process on this machine reaches a running stack. */
interface StackAccess {
  readonly endpoint: string;
  readonly apiEndpoint: string | undefined;
  readonly outputs: Readonly<Record<string, string>>;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Is told of a stack that this process starts, before any run goes on. */
export type StackListener = (stack: EmbeddedStack) => void;

/** The parameter's default: who starts a stack with another one names it as `host:*` too. */
const DEFAULT_HOST_REQUESTS_PER_SECOND = 2;

const accessFile = (dataFolder: string): string => join(dataFolder, 'stack.json');

/**
 * The stack that runs on the data folder already, else a new one that goes on with the folder's open runs.
 * @throws ConfigurationError if the folder or the template can't be used
 */
export async function startBackend(options: BackendOptions, note: (line: string) => void, onStack: StackListener = () => {}): Promise<Backend> {
  const dataFolder = resolve(options.dataFolder);
  const running = await findRunning(dataFolder);
  if (running) {
    refuseSettings(options, dataFolder);
    note(`using the stack that runs at ${running.endpoint}`);
    return { ...connect(running, async () => undefined), isElsewhere: true };
  }
  await mkdir(dataFolder, { recursive: true });
  return startOwn({ ...options, dataFolder }, note, onStack);
}

async function startOwn(options: BackendOptions, note: (line: string) => void, onStack: StackListener): Promise<Backend> {
  const { dataFolder, workers, isReadOnly = false } = options;
  // Loaded only now: the emulators take longer than the first line may.
  const [templateFolder, { startStack }] = await Promise.all([provideTemplate(dataFolder, note), import('../localstack/embedded/stack.ts')]);
  const parameters = stackParameters(options);
  const stack = await startStack({ templateFolder, dataFolder, isIdle: isReadOnly, parameters, beforeWork: freeDeadWork, readParameter: readApiVariable, ...(workers !== undefined && { workers }) });
  onStack(stack);
  const { endpoint, apiEndpoint, outputs, credentials } = stack;
  const access = { endpoint, apiEndpoint, outputs, credentials };
  // Readable by this user only: it carries the operator's key.
  await writeFile(accessFile(dataFolder), JSON.stringify(access, null, 1), { mode: 0o600 });
  if (!isReadOnly) {
    note(`stack ready at ${endpoint}`);
    await goOn(access, note);
    // Its first round would come in a minute: what the process before left half done is healed now.
    await stack.invoke('SweepRuns', {});
  }
  return connect(access, async () => {
    await rm(accessFile(dataFolder), { force: true });
    await stack.stop();
  });
}

const stackParameters = ({ allowedNetworks, hostRatePerSecond }: BackendOptions): Record<string, string> => ({
  ...(allowedNetworks.length > 0 && { AllowedNetworks: allowedNetworks.join(',') }),
  ...(hostRatePerSecond !== undefined && { HostRequestsPerSecond: String(hostRatePerSecond) }),
});

function connect(access: StackAccess, stop: () => Promise<void>): Backend {
  const { endpoint, apiEndpoint, outputs } = access;
  const services = servicesOf(access);
  const s3 = createS3(services);
  const dynamo = createDynamo(services);
  const sqs = createSqs(services);
  const sfn = createSfn(services);
  const manifests = outputOf(outputs, 'ManifestsBucket');
  const ledger = createRunLedger(dynamo, outputOf(outputs, 'ProgressTable'));
  const results = createObjectStore(s3, outputOf(outputs, 'ResultsBucket'));
  const executions = createExecutions(sfn, outputOf(outputs, 'StateMachineArn'));
  const lanes = createLaneStore(dynamo, outputOf(outputs, 'LanesTable'));
  const tenants = outputOf(outputs, 'TenantsTable');
  const dispatchQueue = createDispatchQueue(sqs, outputOf(outputs, 'DispatchQueueUrl'));
  return {
    endpoint,
    apiEndpoint,
    isElsewhere: false,
    ledger,
    results,
    waitsOf: async (run) => waitsOf(await readLanes(lanes), run, Date.now()),
    describeQueue: async () => describeQueue(await readLanes(lanes), Date.now()),
    manifests: createObjectStore(s3, manifests),
    uploads: createObjectStore(s3, outputOf(outputs, 'UploadsBucket')),
    control: createRunControl({
      ledger,
      results,
      executions,
      taskAnswers: createTaskAnswers(sfn),
      dispatchQueue,
      clock: Date.now,
      newOwner: randomUUID,
    }),
    tenants: createTenantAdmin({ ledger, tenants: createTenantStore(dynamo, tenants), room: createWaitingRoom(dynamo, tenants), maxWaitingItemsOf: (processor) => findProcessor(processor)?.maxWaitingItems, credits: createCredits(dynamo, tenants, Date.now), accounts: createCreditAccounts(dynamo, tenants, Date.now), dispatchQueue, clock: Date.now, newNonce: randomUUID }),
    deadLetters: createDeadLetters(sqs, JSON.parse(outputOf(outputs, 'DeadLetterQueues')) as DeadLetterQueues, randomUUID),
    keys: createKeyStore(dynamo, tenants),
    limits: createLimitControlOf(dynamo, outputOf(outputs, 'LimitsTable'), { hostRequestsPerSecond: DEFAULT_HOST_REQUESTS_PER_SECOND, countWaiting: async () => countWaiting(await readLanes(lanes), Date.now()) }),
    admit: async (event) => admitRun(uploadOf(event), { ledger, manifests: createObjectStore(s3, manifests), executions, processors: listProcessors() }),
    upload: (manifest) => uploadManifest(s3, manifests, manifest),
    async stop() {
      for (const client of [s3, dynamo, sqs, sfn]) client.destroy();
      await stop();
    },
  };
}

/** What the runs that are open need, before and after the stack works. */
async function withLedger(access: StoreAccess, use: (dynamo: ReturnType<typeof createDynamo>, table: string) => Promise<void>): Promise<void> {
  const dynamo = createDynamo(servicesOf(access));
  await use(dynamo, outputOf(access.outputs, 'ProgressTable'));
  dynamo.destroy();
}

const freeDeadWork = (access: StoreAccess): Promise<void> =>
  withLedger(access, async (dynamo, table) => {
    await endDeadLeases(createRunLedger(dynamo, table), createLeaseEnder(dynamo, table));
    await forgetSlots(createLaneStore(dynamo, outputOf(access.outputs, 'LanesTable')), randomUUID);
  });

async function goOn(access: StoreAccess, note: (line: string) => void): Promise<void> {
  const sfn = createSfn(servicesOf(access));
  const executions = createExecutions(sfn, outputOf(access.outputs, 'StateMachineArn'));
  await withLedger(access, (dynamo, table) => resumeOpenRuns(createRunLedger(dynamo, table), executions, note));
  sfn.destroy();
}

const servicesOf = ({ endpoint, credentials }: StoreAccess): ServiceAccess => ({ endpoint, region: REGION, credentials });

/** The lock says who is alive; the file says how to reach it. */
async function findRunning(dataFolder: string): Promise<StackAccess | undefined> {
  const holder = await readLockHolder(dataFolder);
  if (!holder) return undefined;
  const text = await readFile(accessFile(dataFolder), 'utf8').catch(() => undefined);
  const access = text === undefined ? undefined : (JSON.parse(text) as StackAccess);
  if (access && access.endpoint === holder.endpoint) return access;
  throw new UsageError(`${dataFolder} is in use by process ${holder.pid}, which is starting or stopping: try again in a few seconds, or give another folder with --data`);
}

function refuseSettings({ workers, allowedNetworks, hostRatePerSecond }: BackendOptions, dataFolder: string): void {
  if (workers === undefined && allowedNetworks.length === 0 && hostRatePerSecond === undefined) return;
  throw new UsageError(`a stack runs on ${dataFolder} already, so --workers, --allow-network and --host-rate come too late: stop it, leave them out, or give another folder with --data`);
}

function outputOf(outputs: Readonly<Record<string, string>>, name: string): string {
  const value = outputs[name];
  if (value === undefined) throw new UsageError(`expected the stack to have the output ${name}, it has ${Object.keys(outputs).join(', ')}`);
  return value;
}

/** Lanes that were lost, or never written, are empty ones. */
const readLanes = async (lanes: LaneStore): Promise<LaneState> => ((await lanes.read())?.state as LaneState | undefined) ?? emptyLanes();
