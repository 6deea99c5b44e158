import { LONGEST_TIMEOUT_SECONDS, type HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ, READ_EXACT_VERSIONS, WRITE } from '../permissions.ts';

/** The manifest is read once and cut into shards and batches. */
export function addPlanRun(foundation: Foundation): HandlerFunction {
  const { progress, tenants, dispatchQueue, limits, manifests, results, fetchEnvironment } = foundation;
  const plan = foundation.addFunction('PlanRun', {
    handler: 'plan-run',
    description: 'Reads a manifest once and cuts it into shards and batches.',
    memoryMb: 2_048,
    timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      TENANTS_TABLE: tenants.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      RESULTS_BUCKET: results.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      // Rows are garbage soon: a young generation as large as V8 lets it grow took 541 MB for 10 million rows, this one 423.
      NODE_OPTIONS: '--max-semi-space-size=16',
      ...fetchEnvironment,
    },
  });
  // BatchGetItem, and the message: a run that was stopped before its plan is settled after it.
  plan.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
  // The tenant's settings, and what its items took: both decide on the size of batches. The run's credits are reserved after it.
  plan.allow(tenants.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
  plan.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  plan.allow(limits.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  allowObjects(plan, { bucket: manifests, actions: READ_EXACT_VERSIONS, because: 'A manifest may have any name, and is known only by its run.' });
  allowList(plan, manifests);
  allowObjects(plan, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "Plan files lie below the run's own prefix; tenant and run come with the call.",
  });
  allowList(plan, results);
  return plan;
}
