import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { allowAdmission, allowRefusals } from './allow-admission.ts';
import { allowObjects, READ, WRITE } from '../permissions.ts';
import { eventTarget } from './event-target.ts';

const LEDGER_ACTIONS = ['GetItem', 'BatchGetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem'].map((action) => `dynamodb:${action}`);

/** Settling a stopped run of millions of items takes minutes; the next sweep runs beside it. */
const SWEEP_TIMEOUT_SECONDS = 300;

/** Every minute: finds what is stuck or leaked, and heals it. */
export function addSweepRuns(foundation: Foundation, machine: RunStateMachine): void {
  const { stack, progress, tenants, manifests, results, dispatchQueue, failedEvents } = foundation;
  const sweep = foundation.addFunction('SweepRuns', {
    handler: 'sweep-runs',
    description: 'Finds what is stuck or leaked from the ledger and heals it.',
    memoryMb: 512,
    timeoutSeconds: SWEEP_TIMEOUT_SECONDS,
    deadLetterQueue: failedEvents,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      TENANTS_TABLE: tenants.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      RESULTS_BUCKET: results.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      STATE_MACHINE_ARN: machine.arn,
    },
  });
  sweep.allow(progress.tableArn, ...LEDGER_ACTIONS);
  sweep.allow(tenants.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem');
  allowAdmission(foundation, sweep, machine);
  allowRefusals(foundation, sweep);
  allowObjects(sweep, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "What a stopped run has open is settled below the run's own prefix; tenant and run come from the ledger.",
  });
  sweep.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  sweep.allow(machine.arn, 'states:SendTaskSuccess');
  new Rule(stack, 'EveryMinute', {
    description: 'Starts the sweep.',
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [eventTarget(foundation, sweep)],
  });
}
