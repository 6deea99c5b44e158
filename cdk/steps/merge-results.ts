import { LONGEST_TIMEOUT_SECONDS, type HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ, WRITE } from '../permissions.ts';

/** The parts become the run's files. */
export function addMergeResults(foundation: Foundation): HandlerFunction {
  const { progress, results } = foundation;
  const merge = foundation.addFunction('MergeResults', {
    handler: 'merge-results',
    description: 'Joins the settled parts of a run.',
    memoryMb: 2_048,
    timeoutSeconds: LONGEST_TIMEOUT_SECONDS,
    temporaryStorageMb: 2_048,
    environment: { PROGRESS_TABLE: progress.tableName, RESULTS_BUCKET: results.bucketName },
  });
  merge.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:BatchGetItem');
  allowObjects(merge, {
    bucket: results,
    actions: [...READ, ...WRITE],
    because: "Parts and merged files lie below the run's own prefix; tenant and run come with the call.",
  });
  allowList(merge, results);
  return merge;
}
