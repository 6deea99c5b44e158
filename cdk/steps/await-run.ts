import type { HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';

/** Keeps the token that the last batch answers. */
export function addAwaitRun(foundation: Foundation): HandlerFunction {
  const { progress } = foundation;
  const awaitRun = foundation.addFunction('AwaitRun', {
    handler: 'await-run',
    description: "Stores the run's task token, then looks whether all shards are done already.",
    memoryMb: 512,
    timeoutSeconds: 60,
    environment: { PROGRESS_TABLE: progress.tableName },
  });
  return awaitRun.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
}
