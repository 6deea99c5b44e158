import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { StoredObject } from './fauxqs-parts.ts';
import { sendXmlError } from './wire-answers.ts';

/** Up to here one read and one write are cheaper than a stream. */
const SINGLE_READ_BYTES = 1_048_576;

interface Span {
  readonly start: number;
  readonly bytes: number;
}

/** Answers GetObject from the object's file, whole or a range; a later overwrite does not disturb it. */
export function sendObjectFile(request: IncomingMessage, response: ServerResponse, object: StoredObject, file: string): void {
  const { range } = request.headers;
  const span = range === undefined ? undefined : parseRange(range, object.contentLength);
  if (span === 'unsatisfiable') {
    return sendXmlError(response, { status: 416, code: 'InvalidRange', message: 'The requested range is not satisfiable' });
  }
  const { start, bytes } = span ?? { start: 0, bytes: object.contentLength };
  const headers = span === undefined ? checksumHeaders(request, object) : { 'content-range': `bytes ${start}-${start + bytes - 1}/${object.contentLength}` };
  const fileHandle = openSync(file, 'r');
  response.writeHead(span === undefined ? 200 : 206, { ...objectHeaders(object), ...headers, 'content-length': bytes });
  sendSpan(response, fileHandle, { start, bytes });
}

function sendSpan(response: ServerResponse, fileHandle: number, { start, bytes }: Span): void {
  if (bytes > SINGLE_READ_BYTES) {
    pipeline(createReadStream('', { fd: fileHandle, start, end: start + bytes - 1, highWaterMark: SINGLE_READ_BYTES }), response, () => {});
    return;
  }
  try {
    const body = Buffer.allocUnsafe(bytes);
    response.end(body.subarray(0, readSync(fileHandle, body, 0, bytes, start)));
  } finally {
    closeSync(fileHandle);
  }
}

function objectHeaders(object: StoredObject): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': object.contentType,
    etag: object.etag,
    'last-modified': object.lastModified.toUTCString(),
    'accept-ranges': 'bytes',
  };
  if (object.contentLanguage !== undefined) headers['content-language'] = object.contentLanguage;
  if (object.contentDisposition !== undefined) headers['content-disposition'] = object.contentDisposition;
  if (object.cacheControl !== undefined) headers['cache-control'] = object.cacheControl;
  if (object.contentEncoding !== undefined) headers['content-encoding'] = object.contentEncoding;
  for (const [name, value] of Object.entries(object.metadata)) headers[`x-amz-meta-${name}`] = value;
  return headers;
}

function checksumHeaders(request: IncomingMessage, object: StoredObject): Record<string, string> {
  const { checksumAlgorithm, checksumValue, checksumType } = object;
  if (request.headers['x-amz-checksum-mode'] !== 'ENABLED' || checksumAlgorithm === undefined || checksumValue === undefined) return {};
  return { [`x-amz-checksum-${checksumAlgorithm.toLowerCase()}`]: checksumValue, 'x-amz-checksum-type': checksumType ?? 'FULL_OBJECT' };
}

/** RFC 9110, section 14: what is no single range of bytes is ignored, what lies behind the end can't be satisfied. */
function parseRange(header: string, totalBytes: number): Span | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header);
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(0, totalBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? totalBytes : Math.min(totalBytes, Number(last) + 1);
  return start >= end ? 'unsatisfiable' : { start, bytes: end - start };
}
