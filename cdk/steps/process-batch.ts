import type { WorkerClassName } from '../../processors/processor.ts';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { pascalCase } from '../pascal-case.ts';
import { allowApis, allowList, allowObjects, apisPrefix, READ, WRITE } from '../permissions.ts';
import { workerTimeoutSeconds } from '../worker-classes.ts';

/** What a processor leaks ends with its environment; a new one costs a cold start. */
const RETIRE_AFTER_ITEMS = 50_000;
const RETIRE_ABOVE_SHARE = 0.8;

/** The same bundle for every worker class. */
export function addProcessBatch(foundation: Foundation, name: WorkerClassName, machine: RunStateMachine): void {
  const { timings, progress, limits, uploads, results, dispatchQueue, workQueues, fetchEnvironment } = foundation;
  const { memoryMb, maximumConcurrency, callsApis, readsUploads } = foundation.workerClasses[name];
  const process = foundation.addFunction(`ProcessBatch${pascalCase(name)}`, {
    handler: 'process-batch',
    description: `Claims a batch, works on its items, settles and reports: worker class ${name}.`,
    memoryMb,
    timeoutSeconds: workerTimeoutSeconds(name, timings),
    isPartOfLoop: true,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      RESULTS_BUCKET: results.bucketName,
      UPLOADS_BUCKET: readsUploads ? uploads.bucketName : '',
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      RETIRE_AFTER_ITEMS: String(RETIRE_AFTER_ITEMS),
      RETIRE_ABOVE_HEAP_MB: String(Math.round(RETIRE_ABOVE_SHARE * memoryMb)),
      LEASE_MARGIN_SECONDS: String(timings.leaseMarginSeconds),
      CLOSING_SECONDS: String(timings.closingSeconds),
      WORKER_CLASS: name,
      ...fetchEnvironment,
      ...(callsApis && { APIS_PREFIX: apisPrefix(foundation.stack) }),
    },
  });
  // BatchGetItem: the recount of a run that may have failed too often.
  process.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem');
  process.allow(limits.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  allowObjects(process, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "Shard files and parts lie below the run's own prefix; tenant and run come with the message.",
  });
  if (readsUploads) {
    allowObjects(process, { bucket: uploads, actions: READ, because: "A document lies below the prefix of the run's tenant, which comes with the message." });
    allowList(process, uploads);
  }
  process.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  process.allow(machine.arn, 'states:SendTaskSuccess');
  if (callsApis) allowApis(process, foundation.stack);
  process.readFrom(workQueues[name], { batchSize: 1, maximumConcurrency });
}
