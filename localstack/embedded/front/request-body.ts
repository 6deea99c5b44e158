import type { IncomingMessage } from 'node:http';

/** The body broke off: nobody is left to answer. */
export const BODY_ABORTED = 'aborted';
export const BODY_TOO_LARGE = 'too large';

const EMPTY = Buffer.alloc(0);

/** Reads the whole body before anything acts on it, so that a client that dies in the middle changes nothing. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | typeof BODY_ABORTED | typeof BODY_TOO_LARGE> {
  if (hasNoBody(request)) return Promise.resolve(EMPTY);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(BODY_TOO_LARGE);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else resolve(BODY_TOO_LARGE);
    });
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0] ?? EMPTY : Buffer.concat(chunks)));
    request.on('error', () => resolve(BODY_ABORTED));
    request.on('close', () => resolve(BODY_ABORTED));
  });
}

function hasNoBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding === undefined && (length === undefined || length === '0');
}
