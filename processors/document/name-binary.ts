import { fileTypeFromBuffer } from 'file-type';

/** Signatures stand at the beginning; a library that looks no further can't be led astray for long. */
const SAMPLE_BYTES = 16 * 1024;

/** What the bytes are, for a person. */
export async function nameBinary(bytes: Uint8Array): Promise<string> {
  const type = await fileTypeFromBuffer(bytes.subarray(0, SAMPLE_BYTES)).catch(() => undefined);
  return type ? `a file of type ${type.ext} (${type.mime})` : 'bytes of no known type';
}
