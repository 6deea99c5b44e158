import type { IncomingMessage } from 'node:http';
import { requestIdOf } from '../../../localstack/embedded/functions/trace-header.ts';
import { type CredentialScope, readCredentialScope } from '../../../localstack/embedded/front/credentials.ts';

/** A call on a service as the wire shows it. */
export interface WireCall {
  readonly service: string;
  /** As IAM writes it, without the service: `UpdateItem`. */
  readonly action: string;
  /** Key of who signed it. */
  readonly accessKeyId: string;
  /** AWS_SDK_UA_APP_ID of the caller, if it has one. */
  readonly appId: string | undefined;
  /** The invocation that made it. */
  readonly requestId: string | undefined;
  /** The SDK's own name for the call: each of its attempts has the same. */
  readonly sdkCallId: string;
  /** Path and query. */
  readonly url: string;
  /** Body of a JSON service. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** Calls that change something. */
const MUTATIONS = new Set([
  'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem',
  's3:PutObject', 's3:DeleteObject', 's3:CopyObject', 's3:CreateMultipartUpload', 's3:UploadPart', 's3:CompleteMultipartUpload', 's3:AbortMultipartUpload',
  'sqs:SendMessage', 'sqs:SendMessageBatch', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility',
  'states:StartExecution', 'states:SendTaskSuccess', 'states:SendTaskFailure', 'states:StopExecution',
]);

export const isMutation = ({ service, action }: Pick<WireCall, 'service' | 'action'>): boolean => MUTATIONS.has(`${service}:${action}`);

/** @returns undefined for a request that nobody signed */
export function readWireCall(request: IncomingMessage, body: Buffer): WireCall | undefined {
  const scope = readCredentialScope(request);
  if (scope === undefined) return undefined;
  const url = request.url ?? '/';
  const isJson = scope.service !== 's3';
  return {
    service: scope.service,
    action: isJson ? headerOf(request, 'x-amz-target').split('.').at(-1)! : objectAction(request.method ?? 'GET', url, request),
    ...describeCaller(request, scope),
    sdkCallId: headerOf(request, 'amz-sdk-invocation-id'),
    url,
    input: isJson ? (JSON.parse(body.toString() || '{}') as Record<string, unknown>) : {},
  };
}

const describeCaller = (request: IncomingMessage, { accessKeyId }: CredentialScope) => ({
  accessKeyId,
  appId: /\bapp\/([\w-]+)/.exec(headerOf(request, 'user-agent'))?.[1],
  requestId: requestIdOf(headerOf(request, 'x-amzn-trace-id')),
});

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

/** S3 names no action: method and query tell it. */
function objectAction(method: string, url: string, request: IncomingMessage): string {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  const isUpload = query.has('uploadId');
  switch (method) {
    case 'PUT':
      if (isUpload) return 'UploadPart';
      return request.headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
    case 'POST':
      return isUpload ? 'CompleteMultipartUpload' : query.has('uploads') ? 'CreateMultipartUpload' : 'PostObject';
    case 'DELETE':
      return isUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'HEAD':
      return 'HeadObject';
    default:
      return query.has('list-type') ? 'ListObjectsV2' : 'GetObject';
  }
}
