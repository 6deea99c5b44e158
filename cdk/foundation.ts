import { Duration, type Stack } from 'aws-cdk-lib';
import type { WorkerClassName } from '../processors/processor.ts';
import type { StageParameters } from '../shared/stages.ts';
import { DataBucket } from './constructs/data-bucket.ts';
import { DeadLetterQueue, GuardedQueue } from './constructs/guarded-queue.ts';
import { HandlerFunction, type HandlerFunctionProps } from './constructs/handler-function.ts';
import { RecordTable } from './constructs/record-table.ts';
import { StackSettings } from './constructs/stack-settings.ts';
import type { Timings } from './timings.ts';
import { pascalCase } from './pascal-case.ts';
import { mapWorkerClasses, type WorkerClass, workerTimeoutSeconds } from './worker-classes.ts';

/** Lambda's documentation: a queue hides a message for at least 6 x the time-out of the function that reads it. */
const VISIBILITY_TIMEOUTS = 6;

/** A redrive of a run of uploads needs them. */
const UPLOADS_KEPT_DAYS = 90;

export type Foundation = ReturnType<typeof layFoundation>;

export interface FoundationOptions {
  readonly bundlesFolder: string;
  readonly timings: Timings;
  readonly workerClasses: Readonly<Record<WorkerClassName, WorkerClass>>;
  /** What the stage sets of the stack's parameters. */
  readonly parameters: StageParameters;
}

/** What the steps of a run stand on: buckets, tables, queues and settings, each under its fixed id in the stack. */
export function layFoundation(stack: Stack, { bundlesFolder, timings, workerClasses, parameters }: FoundationOptions) {
  const settings = new StackSettings(stack, 'Settings', parameters);
  const limits = new RecordTable(stack, 'Limits', { lossIsHarmlessBecause: 'A limit without a record starts anew from the settings; a restored one would be of the past.' }).table;
  return {
    stack,
    timings,
    workerClasses,

    manifests: new DataBucket(stack, 'Manifests', { isVersioned: true, sendsEvents: true }).bucket,
    uploads: new DataBucket(stack, 'Uploads', { expireAfterDays: UPLOADS_KEPT_DAYS }).bucket,
    results: new DataBucket(stack, 'Results').bucket,

    progress: new RecordTable(stack, 'Progress', { hasSortKey: true }).table,
    lanes: new RecordTable(stack, 'Lanes', { lossIsHarmlessBecause: 'The sweep rebuilds the lanes from the ledger within two minutes.' }).table,
    limits,
    tenants: new RecordTable(stack, 'Tenants', { hasSortKey: true }).table,

    dispatchQueue: new GuardedQueue(stack, 'Dispatch', {
      isFifo: true,
      visibilityTimeout: Duration.seconds(timings.dispatchTimeoutSeconds * VISIBILITY_TIMEOUTS),
    }).queue,
    workQueues: mapWorkerClasses((name) => {
      const visibilityTimeout = Duration.seconds(workerTimeoutSeconds(name, timings) * VISIBILITY_TIMEOUTS);
      return new GuardedQueue(stack, `${pascalCase(name)}Work`, { visibilityTimeout }).queue;
    }),
    /** Events that no function took. */
    failedEvents: new DeadLetterQueue(stack, 'FailedEvents').queue,

    /** What a function needs that calls other people's hosts. */
    fetchEnvironment: {
      LIMITS_TABLE: limits.tableName,
      ALLOWED_NETWORKS: settings.allowedNetworks,
      HOST_REQUESTS_PER_SECOND: settings.hostRequestsPerSecond,
      HOST_CONNECTIONS: settings.hostConnections,
    },

    addFunction(id: string, props: Omit<HandlerFunctionProps, 'bundlesFolder'>): HandlerFunction {
      const environment = { ...props.environment, LOG_LEVEL: settings.logLevel };
      return new HandlerFunction(stack, id, { ...props, environment, bundlesFolder });
    },
  };
}
