import { LONGEST_TIMEOUT_SECONDS, type HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ, WRITE } from '../permissions.ts';
import { allowRefusals } from './allow-admission.ts';

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
  allowRefusals(foundation, finish);
  allowList(finish, results);
  return finish;
}
