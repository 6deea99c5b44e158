import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { ACCOUNT, REGION, type Credentials, type EventBridgeEvent, type InvokeAnswer, type QueueReader, type ServiceCall, type ServiceFront, type StateMachineHost } from './contracts.ts';
import { startApiFront, type ApiFront } from './events/api-front.ts';
import { AsyncInvoker, type AsyncTarget } from './events/async-invoker.ts';
import { EventBus } from './events/event-bus.ts';
import { EventSourceMapping } from './events/event-source-mapping.ts';
import { createParameterService, type ReadParameter } from './front/parameter-service.ts';
import { startFront } from './front/service-front.ts';
import { createLambdaHost, type HostedFunction, type LambdaHost } from './functions/function-host.ts';
import { FunctionLogs } from './functions/log-files.ts';
import { Slots } from './functions/slots.ts';
import { ConfigurationError } from '../../shared/errors.ts';
import { acquireLock } from './lock.ts';
import { ServiceClients } from './service-clients.ts';
import { createStateMachineHost } from './state-machine/state-machine-host.ts';
import { readAssembly } from './template/assembly.ts';
import { copyAssembly, type DeployedCopy } from './template/deployed-copy.ts';
import { planStack } from './template/plan.ts';
import type { ApiPlan, FunctionPlan, MappingPlan, RolePlan, StackPlan } from './template/stack-plan.ts';

export interface StackOptions {
  /** The synthesised folder, `cdk.out`. */
  readonly templateFolder: string;
  /** Where everything persists, guarded by a lock; without it everything is in memory. */
  readonly dataFolder?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Environments that all functions fed by standard queues have together; the number of cores by default. */
  readonly workers?: number;
  /** Of the services' endpoint; a free one by default. */
  readonly port?: number;
  /** Of the REST API; a free one by default. */
  readonly apiPort?: number;
  /** Only the stores answer: no function is loaded, no message taken, no schedule kept. @default false */
  readonly isIdle?: boolean;
  /** Instead of the period of every schedule. */
  readonly sweepEverySeconds?: number;
  /** Values of Parameter Store. @default it is empty */
  readonly readParameter?: ReadParameter;
  readonly onLog?: (line: string) => void;
  /** When the stores answer and nothing works on them yet; not of an idle stack. */
  readonly beforeWork?: (stores: StoreAccess) => Promise<void>;
  /** Puts something between functions and state machine on the one side and the services on the other. @returns the endpoint that they call instead */
  readonly frontFor?: (endpoint: string) => Promise<string>;
  /** Puts something between a queue and the event source mapping that reads it. */
  readonly queueFor?: (queue: QueueReader, name: string) => QueueReader;
}

/** How the operator reaches the stores. */
export type StoreAccess = Pick<EmbeddedStack, 'endpoint' | 'outputs' | 'credentials'>;

export interface EmbeddedStack {
  /** Of S3, SQS, DynamoDB and Step Functions. */
  readonly endpoint: string;
  /** Of the REST API; undefined if the template has none. */
  readonly apiEndpoint: string | undefined;
  /** The template's outputs. URLs of the API point at `apiEndpoint`. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The operator's. */
  readonly credentials: Credentials;
  readonly roles: readonly RolePlan[];
  /** As deployed, each with the folder of the bundle that it loads. */
  readonly functions: readonly FunctionPlan[];
  /** Every call on a service, and every invocation that a state machine, a rule or the API asks for. */
  onCall(listener: (call: ServiceCall) => void): void;
  /** @param logicalIdPrefix of the one function it fits */
  invoke(logicalIdPrefix: string, event: unknown): Promise<InvokeAnswer>;
  /** Kills the environment of the function that has been busy longest. @returns whether one was busy */
  killEnvironment(logicalIdPrefix: string): Promise<boolean>;
  /** Kills the environment in which this invocation is under way. @returns when its thread is gone: whether there was one */
  killInvocation(requestId: string): Promise<boolean>;
  /** Code of another synthesised folder, as UpdateFunctionCode: what is in work is finished by the old. @throws ConfigurationError unless it has the same functions */
  deploy(templateFolder: string): Promise<void>;
  /** What the function printed last. */
  readLog(logicalIdPrefix: string): readonly string[];
  /** Takes no more work, lets running invocations end for a few seconds, then ends everything. */
  stop(): Promise<void>;
}

/** Of each function that no standard queue feeds. */
const ENVIRONMENTS_EACH = 2;

/**
 * Starts the deployed template on this machine.
 * @throws ConfigurationError naming every fault of the template, or who holds the data folder
 */
export async function startStack(options: StackOptions): Promise<EmbeddedStack> {
  await using cleanup = new AsyncDisposableStack();
  const { dataFolder, parameters = {}, onLog = () => {} } = options;
  // Once before anything is made, and again when the queues have their URLs.
  const check = planStack(await readAssembly(options.templateFolder), { parameters, queueUrl: (name) => `http://127.0.0.1/${ACCOUNT}/${name}` });
  const lock = dataFolder === undefined ? undefined : await acquireLock(dataFolder);
  cleanup.defer(() => lock?.release());
  const deployed = await copyAssembly(options.templateFolder, dataFolder);
  cleanup.defer(() => deployed.release());
  const logs = new FunctionLogs(dataFolder === undefined ? undefined : join(dataFolder, 'logs'));
  cleanup.defer(() => logs.close());
  const front = await startFront({ dataFolder, ...(options.port === undefined ? {} : { port: options.port }) });
  cleanup.defer(() => front.stop());
  const queueUrls = await createResources(front, check);
  const calledEndpoint = (await options.frontFor?.(front.endpoint)) ?? front.endpoint;
  const plan = planStack(await readAssembly(deployed.folder), { parameters, queueUrl: (name) => queueUrls.get(name)! });
  const stack = new RunningStack({ options, plan, front, calledEndpoint, logs, queueUrls, log: onLog });
  cleanup.defer(() => stack.stop());
  if (options.isIdle !== true) await options.beforeWork?.(stack.describe());
  await stack.start();
  await lock?.announce(front.endpoint);
  const owned = cleanup.move();
  let stopping: Promise<void> | undefined;
  return { ...stack.describe(), stop: () => (stopping ??= owned.disposeAsync()) };
}

/** Buckets, tables and queues; those that a data folder holds already stay as they are. @returns each queue's URL by name */
async function createResources(front: ServiceFront, plan: StackPlan): Promise<Map<string, string>> {
  await Promise.all([...plan.buckets.map(({ name, ...bucket }) => front.createBucket(name, bucket)), ...plan.tables.map((table) => front.createTable(table))]);
  const urls = new Map<string, string>();
  // In order: a dead-letter queue comes before the queue that names it.
  for (const queue of plan.queues) urls.set(queue.name, (await front.createQueue(queue)).url);
  return urls;
}

interface Parts {
  readonly options: StackOptions;
  readonly plan: StackPlan;
  readonly front: ServiceFront;
  /** Where functions and state machine find the services. */
  readonly calledEndpoint: string;
  readonly logs: FunctionLogs;
  readonly queueUrls: ReadonlyMap<string, string>;
  readonly log: (line: string) => void;
}

/** What moves: functions, mappings, rules, state machines and the API over a front that has its resources. */
class RunningStack {
  readonly #parts: Parts;
  readonly #clients: ServiceClients;
  readonly #functions: LambdaHost;
  readonly #machines: StateMachineHost;
  readonly #async: AsyncInvoker;
  readonly #bus: EventBus;
  readonly #mappings: ReadonlyMap<string, EventSourceMapping>;
  readonly #callListeners: ((call: ServiceCall) => void)[] = [];
  /** Removed at the end: an environment may load its code at any time. */
  readonly #laterCode: DeployedCopy[] = [];
  #api: ApiFront | undefined;

  constructor(parts: Parts) {
    const { options, plan, front, logs, log } = parts;
    this.#parts = parts;
    this.#clients = new ServiceClients(front, parts.calledEndpoint);
    this.#functions = createLambdaHost({ functions: hostedFunctions(parts), onOutput: (name, text) => logs.append(name, text) });
    this.#machines = createStateMachineHost({
      invokeFunction: (name, event, principal) => this.#invokeAs(principal, name, event),
      callService: this.#clients.call,
      now: Date.now,
      wait: (ms, signal) => wait(ms, undefined, { signal }),
    });
    this.#async = new AsyncInvoker({ invoke: (name, event) => this.#functions.invoke(name, event), log });
    this.#bus = new EventBus(plan.rules, {
      deliver: (name, event, source) => {
        this.#reportInvocation({ principal: 'events.amazonaws.com', source }, name);
        return this.#async.deliver(this.#asyncTarget(name), event);
      },
      now: () => new Date(),
      periodSeconds: options.sweepEverySeconds,
    });
    this.#mappings = new Map(plan.mappings.map((mapping) => [mapping.queueArn, this.#createMapping(mapping)]));
  }

  async start(): Promise<void> {
    const { plan, front, options } = this.#parts;
    if (options.isIdle) return;
    await this.#functions.load();
    for (const { arn, definition, logicalId } of plan.machines) this.#machines.define({ arn, definition, principal: logicalId });
    front.mountJsonService('states', this.#machines.serve);
    front.mountJsonService('ssm', createParameterService(this.#parts.options.readParameter ?? (() => undefined)));
    const leftOver = front.pendingEvents();
    front.onObjectCreated((event) => void this.#deliver(event));
    front.onCall((call) => {
      if (FREES_MESSAGES.has(call.action)) this.#mappings.get(call.resource)?.wake();
    });
    if (plan.api !== undefined) {
      const invoke = (name: string, event: unknown, source: string): Promise<InvokeAnswer> => {
        this.#reportInvocation({ principal: 'apigateway.amazonaws.com', source }, name);
        return this.#functions.invoke(name, event);
      };
      this.#api = await startApiFront({ api: plan.api, invoke, ...(options.apiPort === undefined ? {} : { port: options.apiPort }) });
    }
    for (const mapping of this.#mappings.values()) mapping.start();
    this.#bus.startSchedules();
    // Whoever waits for the start finds everything admitted that was uploaded before.
    await Promise.all(leftOver.map((event) => this.#deliver(event)));
  }

  describe(): Omit<EmbeddedStack, 'stop'> {
    const { plan, front, logs } = this.#parts;
    const nameOf = (prefix: string): string => findFunction(plan.functions, prefix).name;
    return {
      endpoint: front.endpoint,
      apiEndpoint: this.#api?.endpoint,
      outputs: localOutputs(plan.outputs, plan.api, this.#api?.endpoint),
      credentials: front.credentialsFor('operator'),
      roles: plan.roles,
      functions: plan.functions,
      onCall: (listener) => {
        this.#callListeners.push(listener);
        front.onCall(listener);
      },
      invoke: (prefix, event) => this.#functions.invoke(nameOf(prefix), event),
      killEnvironment: (prefix) => this.#functions.killEnvironment(nameOf(prefix)),
      killInvocation: (requestId) => this.#functions.killInvocation(requestId),
      deploy: (templateFolder) => this.#deploy(templateFolder),
      readLog: (prefix) => logs.tail(nameOf(prefix)),
    };
  }

  async #deploy(templateFolder: string): Promise<void> {
    const { options, plan, queueUrls } = this.#parts;
    const copy = await copyAssembly(templateFolder, undefined);
    this.#laterCode.push(copy);
    const { functions } = planStack(await readAssembly(copy.folder), { parameters: options.parameters ?? {}, queueUrl: (name) => queueUrls.get(name)! });
    const namesOf = (those: readonly FunctionPlan[]): string => those.map(({ name }) => name).sort().join(', ');
    if (namesOf(functions) !== namesOf(plan.functions)) {
      throw new ConfigurationError(`expected the functions ${namesOf(plan.functions)} in ${templateFolder}, found ${namesOf(functions)}; start the stack anew to change more than code`);
    }
    for (const { name, codeFolder } of functions) this.#functions.updateCode(name, codeFolder);
  }

  async stop(): Promise<void> {
    // State machines first: a function that can't be invoked any more must not make a run fail.
    await this.#machines.stop();
    this.#bus.stop();
    await this.#api?.stop();
    await Promise.all([...[...this.#mappings.values()].map((mapping) => mapping.stop()), this.#async.stop(), this.#functions.stop()]);
    await this.#machines.stop();
    this.#clients.destroy();
    await Promise.all(this.#laterCode.map((copy) => copy.release()));
  }

  async #deliver(event: EventBridgeEvent): Promise<void> {
    if (await this.#bus.put(event)) this.#parts.front.settleEvent(event.id);
  }

  #invokeAs(principal: string, functionName: string, event: unknown): Promise<InvokeAnswer> {
    this.#reportInvocation({ principal }, functionName);
    return this.#functions.invoke(functionName, event);
  }

  #reportInvocation(caller: Pick<ServiceCall, 'principal' | 'source'>, functionName: string): void {
    const { plan } = this.#parts;
    const arn = plan.functions.find((each) => each.name === functionName || each.arn === functionName)?.arn ?? functionName;
    for (const listener of this.#callListeners) listener({ ...caller, action: 'lambda:InvokeFunction', resource: arn });
  }

  #createMapping(plan: MappingPlan): EventSourceMapping {
    const { front, plan: stack, log, options } = this.#parts;
    const name = nameOfQueue(plan.queueArn);
    const { logicalId } = stack.functions.find((each) => each.name === plan.functionName)!;
    // Lambda's poller gives nothing back; what a stopping stack does for its own sake is not the function's doing.
    const queue = { ...front.readQueue(name, logicalId), giveBack: front.readQueue(name, 'operator').giveBack };
    return new EventSourceMapping(plan, { queue: options.queueFor?.(queue, name) ?? queue, reserve: (signal) => this.#functions.reserve(plan.functionName, signal), log });
  }

  #asyncTarget(functionName: string): AsyncTarget {
    const { plan, queueUrls } = this.#parts;
    const { logicalId, deadLetterArn, asyncRetries } = plan.functions.find(({ name }) => name === functionName)!;
    const url = deadLetterArn === undefined ? undefined : queueUrls.get(nameOfQueue(deadLetterArn));
    if (url === undefined) return { functionName, retries: asyncRetries };
    return {
      functionName,
      retries: asyncRetries,
      sendToDeadLetters: async (event, { errorType, errorMessage }) => {
        const text = (value: string) => ({ DataType: 'String', StringValue: value.slice(0, 1_024) || '-' });
        const MessageAttributes = { ErrorCode: text(errorType), ErrorMessage: text(errorMessage) };
        await this.#clients.queues(logicalId).send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(event), MessageAttributes }));
      },
    };
  }
}

/** Calls after which a mapping may find something. */
const FREES_MESSAGES = new Set(['sqs:SendMessage', 'sqs:ChangeMessageVisibility']);

const nameOfQueue = (arn: string): string => arn.split(':').at(-1)!;

function hostedFunctions({ plan, front, calledEndpoint, options }: Parts): HostedFunction[] {
  const workers = new Slots(options.workers ?? availableParallelism());
  const fedByStandardQueue = new Set(plan.mappings.filter(({ isFifo }) => !isFifo).map(({ functionName }) => functionName));
  return plan.functions.map((definition) => ({
    ...definition,
    maxConcurrency: ENVIRONMENTS_EACH,
    environment: { ...definition.environment, AWS_ENDPOINT_URL: calledEndpoint, ...accessEnvironment(front, definition.logicalId) },
    ...(fedByStandardQueue.has(definition.name) ? { sharedSlots: workers } : {}),
  }));
}

function accessEnvironment(front: ServiceFront, principal: string): Record<string, string> {
  const { accessKeyId, secretAccessKey } = front.credentialsFor(principal);
  return { AWS_REGION: REGION, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

function findFunction(functions: readonly FunctionPlan[], prefix: string): FunctionPlan {
  const exact = functions.find(({ logicalId }) => logicalId === prefix);
  const found = exact ? [exact] : functions.filter(({ logicalId }) => logicalId.startsWith(prefix));
  if (found.length === 1) return found[0]!;
  throw new RangeError(`expected the logical id of one function (${functions.map(({ logicalId }) => logicalId).join(', ')}), got ${prefix}, which fits ${found.length}`);
}

/** API Gateway's own address leads nowhere offline. */
function localOutputs(outputs: Readonly<Record<string, string>>, api: ApiPlan | undefined, apiEndpoint: string | undefined): Record<string, string> {
  const cloud = `https://${api?.id}.execute-api.${REGION}.amazonaws.com`;
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, apiEndpoint === undefined ? value : value.replace(cloud, apiEndpoint)]));
}
