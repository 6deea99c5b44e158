import { join } from 'node:path';
import { Duration, RemovalPolicy, Size, Stack, Validations } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, EventSourceMapping, Function as LambdaFunction, RecursiveLoop, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { HandlerName } from '../bundle-handlers.ts';
import { deadLettersOf } from './guarded-queue.ts';

/** Lambda ends any call after 15 minutes. */
export const LONGEST_TIMEOUT_SECONDS = 900;

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
  readonly function: LambdaFunction;
  private readonly policy: Policy;

  constructor(scope: Construct, id: string, props: HandlerFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    // Beside the role, not in it: the function waits for its role, and a permission may name what waits for the function.
    this.policy = new Policy(this, 'Policy', { roles: [role] });
    this.allow(logGroup.logGroupArn, 'logs:CreateLogStream', 'logs:PutLogEvents');
    this.function = new LambdaFunction(this, 'Default', {
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
        // Stages of one account and Region would add their figures up.
        POWERTOOLS_METRICS_NAMESPACE: Stack.of(this).stackName,
      },
    });
    if (props.deadLetterQueue) this.allowDeadLetters(props.deadLetterQueue);
    else this.explainNoDeadLetters();
    Validations.of(this).acknowledge({
      id: 'Serverless-LambdaTracing',
      reason: 'A trace for each batch costs more than the call and says less than the ledger, which holds every claim and settlement.',
    });
  }

  private allowDeadLetters(queue: IQueue): void {
    this.allow(queue.queueArn, 'sqs:SendMessage');
    // Lambda tries the permission when the function is made.
    this.function.node.addDependency(this.policy);
  }

  private explainNoDeadLetters(): void {
    Validations.of(this).acknowledge({
      id: 'Serverless-LambdaDLQ',
      reason: 'Lambda uses it for asynchronous calls only: this function is called by a queue, the state machine or the API, which keep or report the failed call themselves.',
    });
  }

  /** Lets the function do exactly these actions on that resource. */
  allow(resource: string | readonly string[], ...actions: string[]): this {
    this.policy.addStatements(new PolicyStatement({ effect: Effect.ALLOW, actions, resources: [resource].flat() }));
    return this;
  }

  /** Feeds the function from a queue; a message that fails comes back alone, and one that can't be handled may be parked in the queue's dead-letter queue. */
  readFrom(queue: Queue, settings: { readonly batchSize: number; readonly maximumConcurrency?: number }): void {
    const parked = deadLettersOf(queue);
    this.allow(queue.queueArn, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ChangeMessageVisibility');
    this.allow(parked.queueArn, 'sqs:SendMessage');
    this.function.addEnvironment('SOURCE_QUEUE_URL', queue.queueUrl).addEnvironment('PARKED_QUEUE_URL', parked.queueUrl);
    const mapping = new EventSourceMapping(this, 'Source', {
      target: this.function,
      eventSourceArn: queue.queueArn,
      batchSize: settings.batchSize,
      reportBatchItemFailures: true,
      ...(settings.maximumConcurrency && { maxConcurrency: settings.maximumConcurrency }),
    });
    Validations.of(mapping).acknowledge({
      id: 'Serverless-LambdaEventSourceMappingDestination',
      reason: 'Lambda offers failure destinations for streams only: a queue keeps its message, and its redrive policy parks it.',
    });
    // Lambda tries the permission when the mapping is made.
    mapping.node.addDependency(this.policy);
  }
}
