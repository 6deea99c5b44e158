import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ACCOUNT } from '../contracts.ts';
import type { ApiPlan } from '../template/stack-plan.ts';
import { decode, type RouteMatch } from './api-routes.ts';

export interface ApiRequest {
  readonly request: IncomingMessage;
  readonly match: RouteMatch;
  /** Without the stage, still encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly now: Date;
}

/** The proxy integration's event, version 1 (API Gateway's documentation, "Input format of a Lambda function for proxy integration"). */
export function apiEvent({ id, stage, binaryMediaTypes }: ApiPlan, { request, match, path, query, body, now }: ApiRequest): object {
  const multiHeaders = headersOf(request);
  // Parameters, such as a form's boundary, do not count.
  const contentType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  const isBinary = binaryMediaTypes.some((type) => type === '*/*' || type === contentType);
  const multiQuery = Object.fromEntries([...new Set(query.keys())].map((key) => [key, query.getAll(key)]));
  const httpMethod = request.method ?? 'GET';
  return {
    resource: match.route.path,
    path: decode(path),
    httpMethod,
    headers: lastOf(multiHeaders),
    multiValueHeaders: multiHeaders,
    queryStringParameters: nullIfEmpty(lastOf(multiQuery)),
    multiValueQueryStringParameters: nullIfEmpty(multiQuery),
    pathParameters: match.pathParameters,
    stageVariables: null,
    requestContext: {
      accountId: ACCOUNT,
      apiId: id,
      httpMethod,
      path: `/${stage}${path}`,
      protocol: 'HTTP/1.1',
      requestId: randomUUID(),
      requestTimeEpoch: now.getTime(),
      resourcePath: match.route.path,
      stage,
      identity: { sourceIp: request.socket.remoteAddress ?? '127.0.0.1', userAgent: request.headers['user-agent'] ?? null },
    },
    body: body.length === 0 ? null : body.toString(isBinary ? 'base64' : 'utf8'),
    isBase64Encoded: isBinary && body.length > 0,
  };
}

/** Names as they were sent, as API Gateway does. */
function headersOf({ rawHeaders }: IncomingMessage): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  for (let i = 0; i < rawHeaders.length; i += 2) (headers[rawHeaders[i]!] ??= []).push(rawHeaders[i + 1]!);
  return headers;
}

const lastOf = (values: Readonly<Record<string, readonly string[]>>): Record<string, string> => Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list.at(-1)!]));

const nullIfEmpty = <T extends object>(value: T): T | null => (Object.keys(value).length === 0 ? null : value);
