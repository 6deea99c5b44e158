import type { ServiceCall } from '../../../localstack/embedded/contracts.ts';
import { describeCall } from './evaluate.ts';

const ARN = {
  bucket: /^arn:aws:s3:::[^/]+$/,
  object: /^arn:aws:s3:::[^/]+\/.+$/s,
  table: /^arn:aws:dynamodb:[^:]+:\d+:table\/[^/]+(?:\/index\/[^/]+)?$/,
  queue: /^arn:aws:sqs:[^:]+:\d+:[^:]+$/,
  machine: /^arn:aws:states:[^:]+:\d+:stateMachine:[^:]+$/,
  execution: /^arn:aws:states:[^:]+:\d+:execution:.+$/,
  parameter: /^arn:aws:ssm:[^:]+:\d+:parameter\/.+$/,
  function: /^arn:aws:lambda:[^:]+:\d+:function:[^:]+$/,
} as const;

/** AWS's Service Authorization Reference: each action, and the kind of resource that it is asked on. */
const ACTIONS: Readonly<Record<string, RegExp>> = {
  's3:GetObject': ARN.object,
  's3:GetObjectVersion': ARN.object,
  's3:PutObject': ARN.object,
  's3:AbortMultipartUpload': ARN.object,
  's3:DeleteObject': ARN.object,
  's3:DeleteObjectVersion': ARN.object,
  's3:ListBucket': ARN.bucket,
  ...Object.fromEntries(['GetItem', 'BatchGetItem', 'Query', 'Scan', 'PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'].map((name) => [`dynamodb:${name}`, ARN.table])),
  ...Object.fromEntries(['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'].map((name) => [`sqs:${name}`, ARN.queue])),
  ...Object.fromEntries(['StartExecution', 'ListExecutions', 'SendTaskSuccess', 'SendTaskFailure', 'SendTaskHeartbeat'].map((name) => [`states:${name}`, ARN.machine])),
  ...Object.fromEntries(['DescribeExecution', 'StopExecution', 'GetExecutionHistory'].map((name) => [`states:${name}`, ARN.execution])),
  'ssm:GetParameter': ARN.parameter,
  'lambda:InvokeFunction': ARN.function,
};

/** Keeps each different call once; the operator's are nobody's role. */
export class CallRecorder {
  readonly #calls = new Map<string, ServiceCall>();
  readonly #unknown = new Set<string>();
  readonly #machineArn: string;
  seen = 0;

  /** @param machineArn of the stack's one state machine: a task token that is over names none at the wire */
  constructor(machineArn: string) {
    this.#machineArn = machineArn;
  }

  readonly record = (call: ServiceCall): void => {
    if (call.principal === 'operator') return;
    this.seen++;
    const named = call.action.startsWith('states:SendTask') && call.resource === '*' ? { ...call, resource: this.#machineArn } : call;
    if (ACTIONS[named.action]?.test(named.resource) !== true) this.#unknown.add(describeCall(named));
    this.#calls.set(describeCall(named), named);
  };

  /** @throws RangeError naming calls that IAM has no action for, as far as is known here */
  calls(): ServiceCall[] {
    if (this.#unknown.size > 0) throw new RangeError(`expected calls of known actions on resources of their kind, got ${[...this.#unknown].join('; ')}`);
    return [...this.#calls.values()];
  }
}
