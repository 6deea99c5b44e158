import { LONGEST_TIMEOUT_SECONDS, type HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ, REFUSALS, WRITE, WRITE_SMALL } from '../permissions.ts';

/** The one end of every run, good or bad. */
export function addFinishRun(foundation: Foundation): HandlerFunction {
  const { progress, tenants, manifests, results, dispatchQueue } = foundation;
  const finish = foundation.addFunction('FinishRun', {
    handler: 'finish-run',
    description: "Recounts a run and writes its manifest.json; or ends a failed run.",
    memoryMb: 2_048,
    timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      TENANTS_TABLE: tenants.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      RESULTS_BUCKET: results.bucketName,
    },
  });
  finish.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
  finish.allow(tenants.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
  // The places that a run gives back let another one in: the dispatcher is told.
  finish.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  allowObjects(finish, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "The recount reads every file below the run's own prefix; tenant and run come with the call.",
  });
  allowObjects(finish, { bucket: manifests, keys: REFUSALS, actions: WRITE_SMALL, because: 'A failed plan is told beside the manifest, which may have any name.' });
  allowList(finish, results);
  return finish;
}
