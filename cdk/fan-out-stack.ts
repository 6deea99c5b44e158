import { CfnOutput, DefaultStackSynthesizer, Duration, Stack, type App, type CfnElement, type IStackSynthesizer } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { WorkerClassName } from '../processors/processor.ts';
import { DataBucket } from './constructs/data-bucket.ts';
import { DeadLetterQueue, GuardedQueue } from './constructs/guarded-queue.ts';
import { HandlerFunction, type HandlerFunctionProps } from './constructs/handler-function.ts';
import { HttpApi } from './constructs/http-api.ts';
import { RecordTable } from './constructs/record-table.ts';
import { RunStateMachine } from './constructs/run-state-machine.ts';
import { StackSettings } from './constructs/stack-settings.ts';
import { allowList, allowObjects, READ, READ_VERSIONS, WRITE } from './permissions.ts';
import { WORKER_CLASSES, windowOf } from './worker-classes.ts';

export interface FanOutStackProps {
  /** Holds `<handler>/index.mjs` for every function. */
  readonly bundlesFolder: string;
  /** The state machine `run` in Amazon States Language. */
  readonly runDefinition: string;
}

const DISPATCH_TIMEOUT_SECONDS = 60;
/** Lambda's documentation: a queue hides a message for at least 6 x the time-out of the function that reads it. */
const VISIBILITY_TIMEOUTS = 6;
const SQS_FIFO_BATCH_SIZE = 10;
const LONGEST_TIMEOUT_SECONDS = 900;

/** What `refusalKey` names. */
const REFUSALS = '*.refused.json';

const WORKER_CLASS_NAMES = Object.keys(WORKER_CLASSES) as WorkerClassName[];

/** Everything between an uploaded manifest and its results, in the order of the way of a run. */
export class FanOutStack extends Stack {
  private readonly settings = new StackSettings(this, 'Settings');

  private readonly manifests = new DataBucket(this, 'Manifests', { isVersioned: true, sendsEvents: true }).bucket;
  private readonly uploads = new DataBucket(this, 'Uploads').bucket;
  private readonly results = new DataBucket(this, 'Results').bucket;

  private readonly progress = new RecordTable(this, 'Progress', { hasSortKey: true }).table;
  private readonly lanes = new RecordTable(this, 'Lanes', { lossIsHarmlessBecause: 'The sweep rebuilds the lanes from the ledger within two minutes.' }).table;
  private readonly limits = new RecordTable(this, 'Limits', { lossIsHarmlessBecause: 'A limit without a record starts anew from the settings; a restored one would be of the past.' }).table;
  private readonly tenants = new RecordTable(this, 'Tenants', { hasSortKey: true }).table;

  private readonly dispatchQueue = new GuardedQueue(this, 'Dispatch', {
    isFifo: true,
    visibilityTimeout: Duration.seconds(DISPATCH_TIMEOUT_SECONDS * VISIBILITY_TIMEOUTS),
  }).queue;
  private readonly workQueues = mapWorkerClasses((name) => {
    const visibilityTimeout = Duration.seconds(WORKER_CLASSES[name].timeoutSeconds * VISIBILITY_TIMEOUTS);
    return new GuardedQueue(this, `${pascalCase(name)}Work`, { visibilityTimeout }).queue;
  });
  private readonly failedEvents = new DeadLetterQueue(this, 'FailedEvents').queue;

  private readonly bundlesFolder: string;

  constructor(scope: App, id: string, { bundlesFolder, runDefinition }: FanOutStackProps) {
    super(scope, id, {
      description: 'Spillway: runs a big list of work, shared fairly, held within limits, verified to the last item.',
      // The CDK CLI looks at the bootstrap's version itself; in the template it would be a parameter that only AWS can fill.
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer,
    });
    this.bundlesFolder = bundlesFolder;

    const plan = this.addPlanRun();
    const awaitRun = this.addAwaitRun();
    const merge = this.addMergeResults();
    const finish = this.addFinishRun();
    const machine = this.addStateMachine(runDefinition, { plan, awaitRun, merge, finish });
    awaitRun.allow(machine.arn, 'states:SendTaskSuccess');

    this.addAdmitRun(machine);
    this.addDispatchBatches();
    for (const name of WORKER_CLASS_NAMES) this.addProcessBatch(name, machine);
    this.addSweepRuns(machine);

    const api = this.addApi();
    this.addOutputs(machine, api);
  }

  /** A manifest's upload becomes a run. */
  private addAdmitRun(machine: RunStateMachine): void {
    const admit = this.addFunction('AdmitRun', {
      handler: 'admit-run',
      description: 'Makes a run of an uploaded manifest, or writes down why not.',
      memoryMb: 512,
      timeoutSeconds: 60,
      deadLetterQueue: this.failedEvents,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        MANIFESTS_BUCKET: this.manifests.bucketName,
        STATE_MACHINE_ARN: machine.arn,
      },
    });
    admit.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    this.allowAdmission(admit, machine);
    new Rule(this, 'ManifestUploaded', {
      description: 'Every object that is stored in the manifests bucket.',
      eventPattern: { source: ['aws.s3'], detailType: ['Object Created'], detail: { bucket: { name: [this.manifests.bucketName] } } },
      targets: [this.target(admit)],
    });
  }

  /** What admission does, at the upload's event and once more in the sweep when it was left half made. */
  private allowAdmission(handler: HandlerFunction, machine: RunStateMachine): void {
    allowObjects(handler, { bucket: this.manifests, actions: READ_VERSIONS, because: 'A manifest may have any name, and is known only by its event.' });
    allowObjects(handler, { bucket: this.manifests, keys: REFUSALS, actions: WRITE, because: 'The refusal is written beside the manifest, which may have any name.' });
    allowList(handler, this.manifests);
    handler.allow(machine.arn, 'states:StartExecution');
  }

  /** The manifest is read once and cut into shards and batches. */
  private addPlanRun(): HandlerFunction {
    const plan = this.addFunction('PlanRun', {
      handler: 'plan-run',
      description: 'Reads a manifest once and cuts it into shards and batches.',
      memoryMb: 2_048,
      timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        MANIFESTS_BUCKET: this.manifests.bucketName,
        RESULTS_BUCKET: this.results.bucketName,
        ...this.fetchEnvironment(),
      },
    });
    plan.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
    plan.allow(this.limits.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    allowObjects(plan, { bucket: this.manifests, actions: READ_VERSIONS, because: 'A manifest may have any name, and is known only by its run.' });
    allowList(plan, this.manifests);
    allowObjects(plan, {
      bucket: this.results,
      actions: [...READ, ...WRITE],
      because: "Plan files lie below the run's own prefix; tenant and run come with the call.",
    });
    allowList(plan, this.results);
    return plan;
  }

  private addStateMachine(definition: string, steps: Record<'plan' | 'awaitRun' | 'merge' | 'finish', HandlerFunction>): RunStateMachine {
    return new RunStateMachine(this, 'Run', {
      definition,
      substitutions: {
        PlanRunArn: steps.plan.function.functionArn,
        AwaitRunArn: steps.awaitRun.function.functionArn,
        MergeResultsArn: steps.merge.function.functionArn,
        FinishRunArn: steps.finish.function.functionArn,
        DispatchQueueUrl: this.dispatchQueue.queueUrl,
      },
      functionArns: Object.values(steps).map((step) => step.function.functionArn),
      dispatchQueueArn: this.dispatchQueue.queueArn,
      results: this.results,
    });
  }

  /** The one writer of the lanes: a FIFO queue with one message group runs it once at a time. */
  private addDispatchBatches(): void {
    const dispatch = this.addFunction('DispatchBatches', {
      handler: 'dispatch-batches',
      description: 'Picks the next batches fairly and keeps the number in flight within the window.',
      memoryMb: 512,
      timeoutSeconds: DISPATCH_TIMEOUT_SECONDS,
      isPartOfLoop: true,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        LANES_TABLE: this.lanes.tableName,
        WORK_QUEUE_URLS: this.toJsonString(mapWorkerClasses((name) => this.workQueues[name].queueUrl)),
        WINDOWS: JSON.stringify(mapWorkerClasses((name) => windowOf(WORKER_CLASSES[name]))),
      },
    });
    dispatch.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem');
    dispatch.allow(this.lanes.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem');
    dispatch.allow(Object.values(this.workQueues).map((queue) => queue.queueArn), 'sqs:SendMessage');
    dispatch.readFrom(this.dispatchQueue, { batchSize: SQS_FIFO_BATCH_SIZE });
  }

  /** The same bundle for every worker class. */
  private addProcessBatch(name: WorkerClassName, machine: RunStateMachine): void {
    const { memoryMb, timeoutSeconds, maximumConcurrency } = WORKER_CLASSES[name];
    const process = this.addFunction(`ProcessBatch${pascalCase(name)}`, {
      handler: 'process-batch',
      description: `Claims a batch, works on its items, settles and reports: worker class ${name}.`,
      memoryMb,
      timeoutSeconds,
      isPartOfLoop: true,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        RESULTS_BUCKET: this.results.bucketName,
        DISPATCH_QUEUE_URL: this.dispatchQueue.queueUrl,
        WORKER_CLASS: name,
        ...this.fetchEnvironment(),
      },
    });
    process.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    process.allow(this.limits.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
    allowObjects(process, {
      bucket: this.results,
      actions: [...READ, ...WRITE],
      because: "Shard files and parts lie below the run's own prefix; tenant and run come with the message.",
    });
    process.allow(this.dispatchQueue.queueArn, 'sqs:SendMessage');
    process.allow(machine.arn, 'states:SendTaskSuccess');
    process.readFrom(this.workQueues[name], { batchSize: 1, maximumConcurrency });
  }

  private addAwaitRun(): HandlerFunction {
    const awaitRun = this.addFunction('AwaitRun', {
      handler: 'await-run',
      description: "Stores the run's task token, then looks whether all shards are done already.",
      memoryMb: 512,
      timeoutSeconds: 60,
      environment: { PROGRESS_TABLE: this.progress.tableName },
    });
    return awaitRun.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  }

  private addMergeResults(): HandlerFunction {
    const merge = this.addFunction('MergeResults', {
      handler: 'merge-results',
      description: 'Joins the settled parts of a run.',
      memoryMb: 2_048,
      timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
      temporaryStorageMb: 2_048,
      environment: { PROGRESS_TABLE: this.progress.tableName, RESULTS_BUCKET: this.results.bucketName },
    });
    merge.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem');
    allowObjects(merge, {
      bucket: this.results,
      actions: [...READ, ...WRITE],
      because: "Parts and merged files lie below the run's own prefix; tenant and run come with the call.",
    });
    allowList(merge, this.results);
    return merge;
  }

  private addFinishRun(): HandlerFunction {
    const finish = this.addFunction('FinishRun', {
      handler: 'finish-run',
      description: "Recounts a run and writes its manifest.json; or ends a failed run.",
      memoryMb: 2_048,
      timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        MANIFESTS_BUCKET: this.manifests.bucketName,
        RESULTS_BUCKET: this.results.bucketName,
      },
    });
    finish.allow(this.progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
    allowObjects(finish, {
      bucket: this.results,
      actions: [...READ, ...WRITE],
      because: "The recount reads every file below the run's own prefix; tenant and run come with the call.",
    });
    allowObjects(finish, { bucket: this.manifests, keys: REFUSALS, actions: WRITE, because: 'A failed plan is told beside the manifest, which may have any name.' });
    allowList(finish, this.results);
    return finish;
  }

  /** Every minute: finds what is stuck or leaked, and heals it. */
  private addSweepRuns(machine: RunStateMachine): void {
    const sweep = this.addFunction('SweepRuns', {
      handler: 'sweep-runs',
      description: 'Finds what is stuck or leaked from the ledger and heals it.',
      memoryMb: 512,
      timeoutSeconds: 60,
      deadLetterQueue: this.failedEvents,
      environment: {
        PROGRESS_TABLE: this.progress.tableName,
        MANIFESTS_BUCKET: this.manifests.bucketName,
        DISPATCH_QUEUE_URL: this.dispatchQueue.queueUrl,
        STATE_MACHINE_ARN: machine.arn,
      },
    });
    sweep.allow(this.progress.tableArn, ...LEDGER_ACTIONS);
    this.allowAdmission(sweep, machine);
    sweep.allow(this.dispatchQueue.queueArn, 'sqs:SendMessage');
    sweep.allow(machine.arn, 'states:SendTaskSuccess');
    new Rule(this, 'EveryMinute', {
      description: 'Starts the sweep.',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [this.target(sweep)],
    });
  }

  private addApi(): HttpApi {
    const serve = this.addFunction('ServeApi', {
      handler: 'serve-api',
      description: 'Answers the API.',
      memoryMb: 512,
      timeoutSeconds: 29,
      environment: { PROGRESS_TABLE: this.progress.tableName },
    });
    serve.allow(this.progress.tableArn, 'dynamodb:GetItem');
    return new HttpApi(this, 'Api', serve.function);
  }

  private addOutputs(machine: RunStateMachine, api: HttpApi): void {
    const outputs = {
      ManifestsBucket: this.manifests.bucketName,
      UploadsBucket: this.uploads.bucketName,
      ResultsBucket: this.results.bucketName,
      ProgressTable: this.progress.tableName,
      LanesTable: this.lanes.tableName,
      LimitsTable: this.limits.tableName,
      TenantsTable: this.tenants.tableName,
      DispatchQueueUrl: this.dispatchQueue.queueUrl,
      StateMachineArn: machine.arn,
      ApiUrl: api.url,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }

  private addFunction(id: string, props: Omit<HandlerFunctionProps, 'bundlesFolder'>): HandlerFunction {
    const environment = { ...props.environment, LOG_LEVEL: this.settings.logLevel };
    return new HandlerFunction(this, id, { ...props, environment, bundlesFolder: this.bundlesFolder });
  }

  /** What a function needs that calls other people's hosts. */
  private fetchEnvironment(): Record<string, string> {
    return {
      LIMITS_TABLE: this.limits.tableName,
      ALLOWED_NETWORKS: this.settings.allowedNetworks,
      HOST_REQUESTS_PER_SECOND: this.settings.hostRequestsPerSecond,
      HOST_CONNECTIONS: this.settings.hostConnections,
    };
  }

  /** EventBridge tries for an hour; what it could not hand over is kept. */
  private target(handler: HandlerFunction): LambdaFunction {
    return new LambdaFunction(handler.function, { deadLetterQueue: this.failedEvents, retryAttempts: 24, maxEventAge: Duration.hours(1) });
  }

  /** Readable and fixed ids: the path without CDK's hash. CDK refuses two elements with one id. */
  protected override allocateLogicalId(element: CfnElement): string {
    const { scopes } = element.node;
    return scopes
      .slice(scopes.indexOf(this) + 1)
      .map((scope) => scope.node.id)
      .filter((id) => id !== 'Default' && id !== 'Resource')
      .map((id) => pascalCase(id.replace(/[^A-Za-z0-9]/g, '')))
      .join('');
  }
}

const LEDGER_ACTIONS = ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].map((action) => `dynamodb:${action}`);

const mapWorkerClasses = <T>(make: (name: WorkerClassName) => T): Record<WorkerClassName, T> =>
  Object.fromEntries(WORKER_CLASS_NAMES.map((name) => [name, make(name)])) as Record<WorkerClassName, T>;

const pascalCase = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
