import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WireCall } from './wire-call.ts';

/** What may happen to a call. */
const FAULT_KINDS = ['fail', 'lose', 'delay', 'throttle', 'cut', 'kill before', 'kill after', 'deliver twice', 'lose delete'] as const;

/**
 * fail: the connection is reset and nothing happened; lose: it happened, and the connection is reset instead of the answer; delay: it happens later;
 * throttle: the service's own refusal, nothing happened; cut: the answer ends in the middle of its body; kill before, kill after: the worker
 * thread that called is ended when the call has not happened, or has. A message is delivered twice at once, or is not deleted after its delivery
 * and comes again.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const json = (version: '1.0' | '1.1', type: string, message: string, headers: Readonly<Record<string, string>> = {}): Refusal => ({
  status: 400,
  headers: { 'content-type': `application/x-amz-json-${version}`, ...headers },
  body: JSON.stringify({ __type: type, message }),
});

/** As each service words it on the wire. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  dynamodb: json('1.0', 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException', 'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.'),
  sqs: json('1.0', 'com.amazonaws.sqs#RequestThrottled', 'The request was denied due to request throttling.', { 'x-amzn-query-error': 'RequestThrottled;Sender' }),
  states: json('1.0', 'ThrottlingException', 'Rate exceeded'),
  s3: {
    status: 503,
    headers: { 'content-type': 'application/xml' },
    body: '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
  },
};

/** Answers as the service does that has too much to do. */
export function sendRefusal(response: ServerResponse, { service }: Pick<WireCall, 'service'>): void {
  const { status, headers, body } = REFUSALS[service] ?? REFUSALS['dynamodb']!;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body), 'x-amzn-requestid': randomUUID() });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

/** The client sees ECONNRESET. */
export const reset = (request: IncomingMessage): void => void request.socket.resetAndDestroy();
