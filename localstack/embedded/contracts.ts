import type { Message } from '@aws-sdk/client-sqs';

/** What the parts of the embedded stack say to each other. Each part is a folder beside this file; `stack.ts` joins them. */

/** Who calls: a function or the state machine, by logical id; `events.amazonaws.com` for a rule, `apigateway.amazonaws.com` for the API; `operator` (CLI, tests). */
export type Principal = string;

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One call at the wire: what the IAM test reads. `action` as IAM writes it, `s3:GetObject`; `resource` an ARN. */
export interface ServiceCall {
  readonly principal: Principal;
  readonly action: string;
  readonly resource: string;
  /** `aws:SourceArn` of a call that a service makes for a rule or for a method of the API. */
  readonly source?: string;
}

/** The one HTTP endpoint in front of all services, on 127.0.0.1. */
export interface ServiceFront {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** A new access key for a principal; the same principal always gets the same. */
  credentialsFor(principal: Principal): Credentials;
  /** Called after every answered call. */
  onCall(listener: (call: ServiceCall) => void): void;
  /** Object Created of versioned or event-enabled buckets, in EventBridge's form. */
  onObjectCreated(listener: (event: EventBridgeEvent) => void): void;
  /** Events that were noted before their call was answered and that nobody settled, oldest first; also an earlier process's. */
  pendingEvents(): readonly EventBridgeEvent[];
  /** The event is dealt with: no later process has to deliver it. */
  settleEvent(id: string): void;
  createBucket(name: string, options: { readonly isVersioned: boolean; readonly sendsEvents: boolean }): Promise<void>;
  createTable(definition: TableDefinition): Promise<void>;
  createQueue(definition: QueueDefinition): Promise<{ readonly url: string; readonly arn: string }>;
  /** A queue for a poller of this process: the calls, and the permissions they need, without the way over the wire. */
  readQueue(name: string, principal: Principal): QueueReader;
  /** Plugs in a service that speaks AWS JSON 1.0 (`states`). */
  mountJsonService(service: string, handler: JsonServiceHandler): void;
  stop(): Promise<void>;
}

/** One queue, as an event source mapping needs it. */
export interface QueueReader {
  /** Never waits. @param limit 1 to 10 */
  receive(limit: number): Promise<Message[]>;
  delete(messages: readonly Message[]): Promise<void>;
  /** Makes messages visible again that nobody took. */
  giveBack(messages: readonly Message[]): Promise<void>;
}

/** @returns the answer's body. @throws ServiceFault for an error answer. */
export type JsonServiceHandler = (action: string, input: Record<string, unknown>, principal: Principal) => Promise<{ output: unknown; resource: string }>;

/** An error as a service answers it: `__type` on the wire is `name`. */
export class ServiceFault extends Error {
  override readonly name: string;
  readonly status: number;
  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

export interface TableDefinition {
  readonly name: string;
  readonly keySchema: readonly { readonly AttributeName: string; readonly KeyType: 'HASH' | 'RANGE' }[];
  readonly attributes: readonly { readonly AttributeName: string; readonly AttributeType: 'S' | 'N' | 'B' }[];
}

export interface QueueDefinition {
  readonly name: string;
  /** As CreateQueue takes them: `VisibilityTimeout`, `FifoQueue`, `RedrivePolicy` … */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface EventBridgeEvent {
  readonly version: '0';
  readonly id: string;
  readonly source: string;
  readonly 'detail-type': string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Runs the deployed bundles in worker threads, one invocation at a time in each, with the function's own environment and access key. */
export interface FunctionHost {
  /** Queues while `maxConcurrency` environments of the function are busy. */
  invoke(functionName: string, event: unknown): Promise<InvokeAnswer>;
  stop(): Promise<void>;
}

export type InvokeAnswer =
  | { readonly ok: true; readonly payload: unknown }
  /** `errorType` as AWS has it: the error's name, `Sandbox.Timedout`, `Runtime.ExitError`, `Runtime.OutOfMemory`. */
  | { readonly ok: false; readonly errorType: string; readonly errorMessage: string };

export interface FunctionDefinition {
  readonly name: string;
  /** Folder of the bundle, as synthesised. */
  readonly codeFolder: string;
  /** `index.handler` */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly maxConcurrency: number;
}

/** The state machine interpreter. Speaks AWS JSON for `states` through `ServiceFront.mountJsonService`. */
export interface StateMachineHost {
  define(machine: { readonly arn: string; readonly definition: unknown; readonly principal: Principal }): void;
  readonly serve: JsonServiceHandler;
  stop(): Promise<void>;
}

/** What the interpreter needs. Service integrations go over the front with the machine's own access key. */
export interface StateMachineTools {
  readonly invokeFunction: (functionName: string, event: unknown, principal: Principal) => Promise<InvokeAnswer>;
  readonly callService: (service: 's3' | 'sqs' | 'states', action: string, input: Record<string, unknown>, principal: Principal) => Promise<unknown>;
  readonly now: () => number;
  /** Resolves after `ms`, or rejects when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 (included) to 1: the jitter of retries. Default `Math.random`. */
  readonly random?: () => number;
}

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';
