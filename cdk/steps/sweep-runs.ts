import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { allowAdmission } from './allow-admission.ts';
import { eventTarget } from './event-target.ts';

const LEDGER_ACTIONS = ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].map((action) => `dynamodb:${action}`);

/** Every minute: finds what is stuck or leaked, and heals it. */
export function addSweepRuns(foundation: Foundation, machine: RunStateMachine): void {
  const { stack, progress, manifests, dispatchQueue, failedEvents } = foundation;
  const sweep = foundation.addFunction('SweepRuns', {
    handler: 'sweep-runs',
    description: 'Finds what is stuck or leaked from the ledger and heals it.',
    memoryMb: 512,
    timeoutSeconds: 60,
    deadLetterQueue: failedEvents,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      STATE_MACHINE_ARN: machine.arn,
    },
  });
  sweep.allow(progress.tableArn, ...LEDGER_ACTIONS);
  allowAdmission(foundation, sweep, machine);
  sweep.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  sweep.allow(machine.arn, 'states:SendTaskSuccess');
  new Rule(stack, 'EveryMinute', {
    description: 'Starts the sweep.',
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [eventTarget(foundation, sweep)],
  });
}
