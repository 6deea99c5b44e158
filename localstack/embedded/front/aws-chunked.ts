export interface DecodedUpload {
  readonly body: Buffer;
  /** Trailing headers, such as `x-amz-checksum-crc32`. */
  readonly trailers: Readonly<Record<string, string>>;
}

const CRLF = '\r\n';

/**
 * Takes apart a body of content-encoding `aws-chunked`: `<hex size>[;chunk-signature=…]\r\n<data>\r\n … 0\r\n<trailers>\r\n\r\n`.
 * @returns undefined when the framing ends early or is broken.
 */
export function decodeAwsChunked(upload: Buffer): DecodedUpload | undefined {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const lineEnd = upload.indexOf(CRLF, offset);
    const size = lineEnd < 0 ? undefined : parseSize(upload.toString('latin1', offset, lineEnd));
    if (size === undefined) return undefined;
    const dataStart = lineEnd + CRLF.length;
    if (size === 0) return { body: Buffer.concat(chunks), trailers: parseTrailers(upload.toString('latin1', dataStart)) };
    const dataEnd = dataStart + size;
    if (upload.toString('latin1', dataEnd, dataEnd + CRLF.length) !== CRLF) return undefined;
    chunks.push(upload.subarray(dataStart, dataEnd));
    offset = dataEnd + CRLF.length;
  }
}

function parseSize(line: string): number | undefined {
  const digits = line.split(';', 1)[0]?.trim() ?? '';
  return /^[\da-f]{1,8}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function parseTrailers(text: string): Record<string, string> {
  const trailers: Record<string, string> = {};
  for (const line of text.split(CRLF)) {
    const colon = line.indexOf(':');
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return trailers;
}
