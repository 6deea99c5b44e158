import type { WorkerClassName } from '../../processors/processor.ts';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { pascalCase } from '../pascal-case.ts';
import { allowObjects, READ, WRITE } from '../permissions.ts';
import { WORKER_CLASSES } from '../worker-classes.ts';

/** The same bundle for every worker class. */
export function addProcessBatch(foundation: Foundation, name: WorkerClassName, machine: RunStateMachine): void {
  const { progress, limits, results, dispatchQueue, workQueues, fetchEnvironment } = foundation;
  const { memoryMb, timeoutSeconds, maximumConcurrency } = WORKER_CLASSES[name];
  const process = foundation.addFunction(`ProcessBatch${pascalCase(name)}`, {
    handler: 'process-batch',
    description: `Claims a batch, works on its items, settles and reports: worker class ${name}.`,
    memoryMb,
    timeoutSeconds,
    isPartOfLoop: true,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      RESULTS_BUCKET: results.bucketName,
      DISPATCH_QUEUE_URL: dispatchQueue.queueUrl,
      WORKER_CLASS: name,
      ...fetchEnvironment,
    },
  });
  process.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  process.allow(limits.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  allowObjects(process, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "Shard files and parts lie below the run's own prefix; tenant and run come with the message.",
  });
  process.allow(dispatchQueue.queueArn, 'sqs:SendMessage');
  process.allow(machine.arn, 'states:SendTaskSuccess');
  process.readFrom(workQueues[name], { batchSize: 1, maximumConcurrency });
}
