import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

export const JSON_1_0 = 'application/x-amz-json-1.0';

/** What the service's own wire format calls the error. */
export interface WireError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export function sendJson(response: ServerResponse, status: number, output: unknown, headers: Readonly<Record<string, string>> = {}): void {
  const body = Buffer.from(JSON.stringify(output ?? {}));
  response.writeHead(status, { 'content-type': JSON_1_0, 'content-length': body.length, 'x-amzn-requestid': randomUUID(), ...headers });
  response.end(body);
}

export function sendJsonError(response: ServerResponse, error: WireError): void {
  sendJson(response, error.status, { __type: error.code, message: error.message });
}

/** S3's error document; a HEAD request is answered without it. */
export function sendXmlError(response: ServerResponse, error: WireError): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${error.code}</Code><Message>${escapeXml(error.message)}</Message></Error>`;
  response.writeHead(error.status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

export function sendError(service: string, response: ServerResponse, error: WireError): void {
  if (service === 's3') sendXmlError(response, error);
  else sendJsonError(response, error);
}

/** The answer to an access key that nobody was given, as each service words it. */
export function unknownAccessKey(service: string): WireError {
  if (service === 's3') {
    return { status: 403, code: 'InvalidAccessKeyId', message: 'The AWS Access Key Id you provided does not exist in our records.' };
  }
  const message = 'The security token included in the request is invalid.';
  return service === 'sqs'
    ? { status: 403, code: 'InvalidClientTokenId', message }
    : { status: 400, code: 'UnrecognizedClientException', message };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
