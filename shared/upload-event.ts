import type { Upload } from './admission.ts';
import { uploadEventSchema } from './messages.ts';
import { readPayload } from './parse-json.ts';

/** @throws PayloadError if it is no event of an object that was created */
export function uploadOf(event: unknown): Upload {
  const { time, detail } = readPayload(event, uploadEventSchema);
  const { bucket, object } = detail;
  const source = { bucket: bucket.name, key: object.key, version: object['version-id'], bytes: object.size, etag: object.etag };
  return { source, uploadedAt: time };
}
