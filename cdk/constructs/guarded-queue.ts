import { Duration, Validations } from 'aws-cdk-lib';
import { Alarm, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { type IQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface GuardedQueueProps {
  readonly visibilityTimeout: Duration;
  /** FIFO without content deduplication: every sender names its message. @default false */
  readonly isFifo?: boolean;
}

/** Lambda's documentation: fewer receives than 5 send messages away that were only throttled. */
const MAX_RECEIVE_COUNT = 5;

/** A queue with its dead-letter queue and the alarm on it. Retries are the lease's business; what ends there could not be parsed or crashed its reader. */
export class GuardedQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: GuardedQueueProps) {
    super(scope, id);
    const { queue: deadLetters } = new DeadLetterQueue(this, 'DeadLetters', { isFifo: props.isFifo ?? false });
    this.queue = new Queue(this, 'Default', {
      ...(props.isFifo && { fifo: true }),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: props.visibilityTimeout,
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  }
}

/** @throws RangeError for a queue that is not guarded */
export function deadLettersOf(queue: Queue): IQueue {
  const { deadLetterQueue } = queue;
  if (!deadLetterQueue) throw new RangeError(`expected the queue ${queue.node.path} to have a dead-letter queue`);
  return deadLetterQueue.queue;
}

/** Keeps for 14 days (SQS's longest) what nobody could handle, and raises an alarm from the first message on. */
export class DeadLetterQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: { readonly isFifo?: boolean } = {}) {
    super(scope, id);
    this.queue = new Queue(this, 'Default', {
      ...(props.isFifo && { fifo: true }),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    Validations.of(this).acknowledge({
      id: 'Serverless-SQSRedrivePolicy',
      reason: 'It is the dead-letter queue: its messages wait for a person, whom the alarm calls.',
    });
    new Alarm(this, 'Alarm', {
      alarmDescription: `Messages in the dead-letter queue ${this.node.path}: read one, mend the cause, then resend or drop: spillway parked.`,
      metric: this.queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: 'Maximum' }),
      threshold: 1,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }
}
