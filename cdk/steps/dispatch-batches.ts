import { Duration } from 'aws-cdk-lib';
import { Alarm, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Foundation } from '../foundation.ts';
import { mapWorkerClasses, windowOf } from '../worker-classes.ts';

const SQS_FIFO_BATCH_SIZE = 10;

/** The one writer of the lanes: a FIFO queue with one message group runs it once at a time. */
export function addDispatchBatches(foundation: Foundation): void {
  const { stack, timings, progress, lanes, tenants, dispatchQueue, workQueues, workerClasses } = foundation;
  const dispatch = foundation.addFunction('DispatchBatches', {
    handler: 'dispatch-batches',
    description: 'Picks the next batches fairly and keeps the number in flight within the window.',
    memoryMb: 512,
    timeoutSeconds: timings.dispatchTimeoutSeconds,
    isPartOfLoop: true,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      LANES_TABLE: lanes.tableName,
      TENANTS_TABLE: tenants.tableName,
      WORK_QUEUE_URLS: stack.toJsonString(mapWorkerClasses((name) => workQueues[name].queueUrl)),
      WINDOWS: JSON.stringify(mapWorkerClasses((name) => windowOf(workerClasses[name]))),
      RESEND_AFTER_SECONDS: String(timings.resendAfterSeconds),
    },
  });
  dispatch.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem');
  dispatch.allow(lanes.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem');
  // Settings of tenants; and what their items took, for the next plan.
  dispatch.allow(tenants.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  dispatch.allow(Object.values(workQueues).map((queue) => queue.queueArn), 'sqs:SendMessage');
  alarmOnDrift(foundation);
  dispatch.readFrom(dispatchQueue, { batchSize: SQS_FIFO_BATCH_SIZE });
}

/** A lost message is found within two minutes; drift that comes again every minute is a fault that the sweep can't heal. */
function alarmOnDrift({ stack }: Foundation): void {
  new Alarm(stack, 'LaneDriftAlarm', {
    alarmDescription: 'The dispatcher keeps finding batches that nobody has, or shards that its lanes lost: look at the logs of ProcessBatch and DispatchBatches for crashes.',
    metric: new Metric({ namespace: stack.stackName, metricName: 'LaneDrift', dimensionsMap: { service: 'dispatch-batches' }, statistic: 'Sum', period: Duration.minutes(1) }),
    threshold: 1,
    evaluationPeriods: 10,
    datapointsToAlarm: 5,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
}
