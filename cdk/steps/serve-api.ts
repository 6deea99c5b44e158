import { HttpApi } from '../constructs/http-api.ts';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ, WRITE, WRITE_SMALL } from '../permissions.ts';
import { allowAdmission } from './allow-admission.ts';

/** Below it lie manifests of items that came with a request. */
const INLINE_MANIFESTS = '*/api/*';

/** The API and the function behind it. */
export function addServeApi(foundation: Foundation, machine: RunStateMachine, { setsLogRole }: { readonly setsLogRole: boolean }): HttpApi {
  const { stack, progress, lanes, limits, tenants, fetchEnvironment, manifests, uploads, results, dispatchQueue } = foundation;
  const serve = foundation.addFunction('ServeApi', {
    handler: 'serve-api',
    description: 'Answers the API.',
    memoryMb: 1_024,
    timeoutSeconds: 29,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      LANES_TABLE: lanes.tableName,
      TENANTS_TABLE: tenants.tableName,
      LIMITS_TABLE: limits.tableName,
      HOST_REQUESTS_PER_SECOND: fetchEnvironment.HOST_REQUESTS_PER_SECOND,
      MANIFESTS_BUCKET: manifests.bucketName,
      UPLOADS_BUCKET: uploads.bucketName,
      RESULTS_BUCKET: results.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      STATE_MACHINE_ARN: machine.arn,
    },
  });
  // Query: the list of runs. DeleteItem: a deleted run is taken off it. The rest is admission, as at an upload's event, and what an operator does to a run.
  serve.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
  // Whose turn it is: what a wait is reckoned with.
  serve.allow(lanes.tableArn, 'dynamodb:GetItem');
  // Limits are listed, set and unset.
  serve.allow(limits.tableArn, 'dynamodb:GetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem');
  // Keys, idempotency keys, settings, credits and places.
  serve.allow(tenants.tableArn, 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');
  allowAdmission(foundation, serve, machine);
  allowObjects(serve, { bucket: manifests, keys: INLINE_MANIFESTS, actions: WRITE, because: 'The manifest of a request lies below its tenant and processor, which come with the request.' });
  // A form may do what its signer may: store below the prefix that it names.
  allowObjects(serve, { bucket: uploads, actions: [...READ, ...WRITE_SMALL], because: "Uploads lie below their tenant's prefix, which comes with the key." });
  allowList(serve, uploads);
  allowObjects(serve, { bucket: results, actions: [...READ, ...WRITE], because: "Results of any tenant's run are linked to; a cancelled run's open batches are settled with parts of their own." });
  allowList(serve, results);
  // The second of each: whether it is up.
  serve.allow(dispatchQueue.queueArn, 'sqs:SendMessage', 'sqs:GetQueueAttributes');
  serve.allow(machine.arn, 'states:SendTaskSuccess', 'states:ListExecutions');
  return new HttpApi(stack, 'Api', { handler: serve.function, setsLogRole });
}
