import { once } from 'node:events';
import { Busboy } from '@fastify/busboy';

/** A file of a form. */
export interface FormFile {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export type FormField = readonly [name: string, value: string | FormFile];

/** S3's and ours: a field that is no file. */
const MAX_FIELD_BYTES = 1024 * 1024;
const MAX_PARTS = 100;

/**
 * The parts of `multipart/form-data` (RFC 7578) in their order. Names and file names are UTF-8; a file's name has no folders.
 * @throws Error if the form is malformed, or has more parts or longer texts than anyone needs
 */
export async function readMultipart(type: string, body: Uint8Array): Promise<FormField[]> {
  const fields: FormField[] = [];
  const parser = new Busboy({ headers: { 'content-type': type }, limits: { parts: MAX_PARTS, fieldSize: MAX_FIELD_BYTES, fileSize: body.byteLength + 1 } });
  let excess = false;
  parser.on('field', (name, value, _nameIsCut, isCut) => {
    excess ||= isCut;
    fields.push([name, value]);
  });
  parser.on('file', (name, stream, fileName, ...[, contentType]) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A form that is cut breaks both: the parser tells it.
    stream.on('error', () => undefined);
    // In the order of the form: it stands there before its bytes have come.
    const at = fields.push([name, '']) - 1;
    stream.on('end', () => (fields[at] = [name, { name: fileName ?? '', contentType: contentType ?? '', bytes: Buffer.concat(chunks) }]));
  });
  parser.on('partsLimit', () => (excess = true));
  const finished = once(parser, 'finish');
  parser.end(body);
  await finished;
  if (excess) throw new Error(`expected at most ${MAX_PARTS} parts, and texts of at most ${MAX_FIELD_BYTES} bytes`);
  return fields;
}
