import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { decodeAwsChunked } from './aws-chunked.ts';
import type { WireError } from './wire-answers.ts';

export type CheckedUpload =
  | { readonly ok: true; readonly body: Buffer; readonly trailers: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly error: WireError };

/** An upload as the client announced it: unwrapped from `aws-chunked`, with the announced length and checksums. */
export function checkUpload(headers: IncomingHttpHeaders, received: Buffer): CheckedUpload {
  const isChunked = (headers['content-encoding'] ?? '').includes('aws-chunked') || isStreaming(headers);
  const decoded = isChunked ? decodeAwsChunked(received) : { body: received, trailers: {} };
  const announced = headers['x-amz-decoded-content-length'];
  if (decoded === undefined || (announced !== undefined && Number(announced) !== decoded.body.length)) {
    return refused('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header.');
  }
  if (!matchesChecksums({ ...headers, ...decoded.trailers }, decoded.body)) {
    return refused('BadDigest', 'The checksum you specified did not match what we received.');
  }
  return { ok: true, ...decoded };
}

function isStreaming(headers: IncomingHttpHeaders): boolean {
  const hash = headers['x-amz-content-sha256'];
  return typeof hash === 'string' && hash.startsWith('STREAMING-');
}

function matchesChecksums(headers: IncomingHttpHeaders, body: Buffer): boolean {
  return Object.entries(CHECKSUMS).every(([header, checksum]) => headers[header] === undefined || headers[header] === checksum(body));
}

const CHECKSUMS: Readonly<Record<string, (body: Buffer) => string>> = {
  'content-md5': (body) => createHash('md5').update(body).digest('base64'),
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest('base64'),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest('base64'),
  'x-amz-checksum-crc32': (body) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes.toString('base64');
  },
};

function refused(code: string, message: string): CheckedUpload {
  return { ok: false, error: { status: 400, code, message } };
}
