import { join } from 'node:path';
import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, EventSourceMapping, Function, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HandlerName } from '../bundle-handlers.ts';

export interface HandlerFunctionProps {
  readonly handler: HandlerName;
  /** Holds `<handler>/index.mjs`. */
  readonly bundlesFolder: string;
  readonly description: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** @default 512, which costs nothing */
  readonly temporaryStorageMb?: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Lambda stops a circle of queue and function after about 16 rounds, unless it is meant. @default false */
  readonly isPartOfLoop?: boolean;
  /** Takes the events of failed asynchronous calls. */
  readonly deadLetterQueue?: IQueue;
}

/** One bundle as a function, with its own role and log group. The role can do nothing but write that log until `allow` is called. */
export class HandlerFunction extends Construct {
  readonly function: Function;
  private readonly policy: Policy;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    // Beside the role, not in it: the function waits for its role, and a permission may name what waits for the function.
    this.policy = new Policy(this, 'Policy', { roles: [role] });
    this.allow(logGroup.logGroupArn, 'logs:CreateLogStream', 'logs:PutLogEvents');
    this.function = new Function(this, 'Default', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(join(props.bundlesFolder, props.handler)),
      handler: 'index.handler',
      // CDK adds no permission of its own: all of them are in the stack, written out.
      role: role.withoutPolicyUpdates(),
      logGroup,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      ...(props.temporaryStorageMb && { ephemeralStorageSize: Size.mebibytes(props.temporaryStorageMb) }),
      ...(props.isPartOfLoop && { recursiveLoop: RecursiveLoop.ALLOW }),
      ...(props.deadLetterQueue && { deadLetterQueue: props.deadLetterQueue }),
      environment: {
        ...props.environment,
        POWERTOOLS_SERVICE_NAME: props.handler,
        POWERTOOLS_METRICS_NAMESPACE: 'Spillway',
      },
    });
    if (props.deadLetterQueue) this.allow(props.deadLetterQueue.queueArn, 'sqs:SendMessage');
  }

  /** Lets the function do exactly these actions on that resource. */
  allow(resource: string | readonly string[], ...actions: string[]): this {
    this.policy.addStatements(new PolicyStatement({ effect: Effect.ALLOW, actions, resources: [resource].flat() }));
    return this;
  }

  /** Feeds the function from a queue; a message that fails comes back alone. */
  readFrom(queue: IQueue, settings: { readonly batchSize: number; readonly maximumConcurrency?: number }): void {
    this.allow(queue.queueArn, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes');
    const mapping = new EventSourceMapping(this, 'Source', {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize: settings.batchSize,
      reportBatchItemFailures: true,
      ...(settings.maximumConcurrency && { maxConcurrency: settings.maximumConcurrency }),
    });
    // Lambda tries the permission when the mapping is made.
    mapping.node.addDependency(this.policy);
  }
}
