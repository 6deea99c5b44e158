import { HttpApi } from '../constructs/http-api.ts';
import type { Foundation } from '../foundation.ts';

/** The API and the function behind it. */
export function addServeApi(foundation: Foundation): HttpApi {
  const { stack, progress } = foundation;
  const serve = foundation.addFunction('ServeApi', {
    handler: 'serve-api',
    description: 'Answers the API.',
    memoryMb: 512,
    timeoutSeconds: 29,
    environment: { PROGRESS_TABLE: progress.tableName },
  });
  serve.allow(progress.tableArn, 'dynamodb:GetItem');
  return new HttpApi(stack, 'Api', serve.function);
}
