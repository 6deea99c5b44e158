import { readMultipart, type FormFile } from '../../shared/multipart.ts';
import type { ApiRequest } from './serve-api.ts';
import { Problem, type FieldError } from './problem.ts';

/** What a Lambda function takes is 6 MB, and bytes come to it in base64. */
export const MAX_FORM_BYTES = 4 * 1024 * 1024;

/** Field -> its text or its file; of several with one name the last. @throws Problem 413, 415 */
export async function readForm({ headers, body = '' }: ApiRequest, errors: FieldError[]): Promise<Record<string, string | FormFile> | undefined> {
  if (Buffer.byteLength(body) > MAX_FORM_BYTES) throw new Problem(413, `expected a form of at most ${MAX_FORM_BYTES} bytes: larger files come as an upload, \`POST /v1/uploads\``);
  const type = headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) throw new Problem(415, `expected multipart/form-data, got ${type.slice(0, 100)}`);
  const fields = await readMultipart(type, Buffer.from(body as Uint8Array)).catch(() => undefined);
  if (fields) return Object.fromEntries(fields);
  errors.push({ in: 'body', pointer: '', detail: 'expected a well-formed form' });
  return undefined;
}
