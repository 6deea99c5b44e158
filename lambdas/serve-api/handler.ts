import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { readConfiguration } from '../../shared/configuration.ts';
import { serveApi } from './serve-api.ts';

const configuration = readConfiguration(process.env, ['PROGRESS_TABLE']);
const ledger = createRunLedger(createDynamo(), configuration.PROGRESS_TABLE);

/** API Gateway REST, Lambda proxy. */
export async function handler(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult> {
  const ports = { checkLedger: () => ledger.readRun('health') };
  const { status, contentType, body } = await serveApi({ method: event.httpMethod, path: event.path }, ports);
  return { statusCode: status, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body: JSON.stringify(body) };
}
