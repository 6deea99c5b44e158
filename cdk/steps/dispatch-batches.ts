import { DISPATCH_TIMEOUT_SECONDS, type Foundation } from '../foundation.ts';
import { mapWorkerClasses, WORKER_CLASSES, windowOf } from '../worker-classes.ts';

const SQS_FIFO_BATCH_SIZE = 10;

/** The one writer of the lanes: a FIFO queue with one message group runs it once at a time. */
export function addDispatchBatches(foundation: Foundation): void {
  const { stack, progress, lanes, dispatchQueue, workQueues } = foundation;
  const dispatch = foundation.addFunction('DispatchBatches', {
    handler: 'dispatch-batches',
    description: 'Picks the next batches fairly and keeps the number in flight within the window.',
    memoryMb: 512,
    timeoutSeconds: DISPATCH_TIMEOUT_SECONDS,
    isPartOfLoop: true,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      LANES_TABLE: lanes.tableName,
      WORK_QUEUE_URLS: stack.toJsonString(mapWorkerClasses((name) => workQueues[name].queueUrl)),
      WINDOWS: JSON.stringify(mapWorkerClasses((name) => windowOf(WORKER_CLASSES[name]))),
    },
  });
  dispatch.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem');
  dispatch.allow(lanes.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem');
  dispatch.allow(Object.values(workQueues).map((queue) => queue.queueArn), 'sqs:SendMessage');
  dispatch.readFrom(dispatchQueue, { batchSize: SQS_FIFO_BATCH_SIZE });
}
