import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { FetchFault } from './fetch-errors.ts';

export const ACCEPTED_ENCODINGS = 'gzip, br, deflate, zstd';

type Unpack = (body: Uint8Array, limits: UnpackLimits) => Promise<Uint8Array>;

export interface UnpackLimits {
  /** A body that unpacks to more is an error; no more memory than that is spent. */
  readonly maxBytes: number;
  /** The body was cut on purpose: what can be unpacked is enough. @default false */
  readonly isCut?: boolean;
}

const unpackGzip = promisify(gunzip);
const unpackBrotli = promisify(brotliDecompress);
const unpackZstd = promisify(zstdDecompress);
const unpackZlib = promisify(inflate);
const unpackRawDeflate = promisify(inflateRaw);

const zlibOptions = ({ maxBytes, isCut }: UnpackLimits) => ({
  maxOutputLength: maxBytes,
  finishFlush: isCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH,
});

const UNPACKERS: Readonly<Record<string, Unpack>> = {
  gzip: (body, limits) => unpackGzip(body, zlibOptions(limits)),
  'x-gzip': (body, limits) => unpackGzip(body, zlibOptions(limits)),
  // RFC 9110 means zlib's format; some servers send the bare stream.
  deflate: (body, limits) => (hasZlibHeader(body) ? unpackZlib : unpackRawDeflate)(body, zlibOptions(limits)),
  br: (body, { maxBytes, isCut }) =>
    unpackBrotli(body, { maxOutputLength: maxBytes, finishFlush: isCut ? constants.BROTLI_OPERATION_FLUSH : constants.BROTLI_OPERATION_FINISH }),
  zstd: (body, { maxBytes, isCut }) => unpackZstd(body, { maxOutputLength: maxBytes, finishFlush: isCut ? constants.ZSTD_e_flush : constants.ZSTD_e_end }),
};

const hasZlibHeader = (body: Uint8Array): boolean => ((body[0] ?? 0) & 0x0f) === 8 && (((body[0] ?? 0) << 8) | (body[1] ?? 0)) % 31 === 0;

/** More layers than anyone sends in good faith. */
const MAX_LAYERS = 3;

/** Undoes Content-Encoding, last applied first. @throws FetchFault: truncated, broken, too large or unknown */
export async function unpackBody(body: Uint8Array, contentEncoding: string, limits: UnpackLimits): Promise<Uint8Array> {
  const layers = contentEncoding.toLowerCase().split(',').map((layer) => layer.trim()).filter((layer) => layer !== '' && layer !== 'identity');
  if (layers.length > MAX_LAYERS) throw new FetchFault('UnsupportedEncodingError', `expected at most ${MAX_LAYERS} content encodings, got ${layers.length}`);
  let unpacked = body;
  for (const layer of layers.toReversed()) unpacked = await unpackLayer(unpacked, layer, limits);
  return unpacked;
}

async function unpackLayer(body: Uint8Array, layer: string, limits: UnpackLimits): Promise<Uint8Array> {
  const unpack = UNPACKERS[layer];
  if (!unpack) throw new FetchFault('UnsupportedEncodingError', `expected one of ${ACCEPTED_ENCODINGS}, got content encoding ${JSON.stringify(layer)}`);
  if (body.byteLength === 0) return body;
  try {
    return await unpack(body, limits);
  } catch (error) {
    throw nameUnpackError(error, layer, limits);
  }
}

function nameUnpackError(error: unknown, layer: string, { maxBytes }: UnpackLimits): FetchFault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_BUFFER_TOO_LARGE') return new FetchFault('BodyTooLargeError', `expected at most ${maxBytes} bytes unpacked, got more`);
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'Z_BUF_ERROR' || /unexpected end of file/i.test(message)) return new FetchFault('TruncatedBodyError', `the ${layer} body ended before its end mark`);
  return new FetchFault('BadEncodingError', `the body is no valid ${layer}: ${message}`);
}
