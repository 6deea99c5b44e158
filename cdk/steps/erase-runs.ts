import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects } from '../permissions.ts';
import { eventTarget } from './event-target.ts';

const TIMEOUT_SECONDS = 600;

/** Every hour: what was deleted, or is kept long enough, is erased. The only function that may. */
export function addEraseRuns(foundation: Foundation): void {
  const { stack, progress, tenants, manifests, results, failedEvents } = foundation;
  const erase = foundation.addFunction('EraseRuns', {
    handler: 'erase-runs',
    description: 'Erases runs that were deleted, or that their tenant keeps no longer.',
    memoryMb: 512,
    timeoutSeconds: TIMEOUT_SECONDS,
    deadLetterQueue: failedEvents,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      TENANTS_TABLE: tenants.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      RESULTS_BUCKET: results.bucketName,
    },
  });
  erase.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
  erase.allow(tenants.tableArn, 'dynamodb:Query');
  allowList(erase, results);
  allowObjects(erase, { bucket: results, actions: ['s3:DeleteObject'], because: 'Runs of any tenant are deleted; tenant and run come from the ledger.' });
  allowObjects(erase, { bucket: manifests, actions: ['s3:DeleteObjectVersion'], because: 'The manifest of a deleted run may have any key: the version that the run was made of is in the ledger.' });
  new Rule(stack, 'EveryHour', {
    description: 'Starts the erasure of deleted runs.',
    schedule: Schedule.rate(Duration.hours(1)),
    targets: [eventTarget(foundation, erase)],
  });
}
