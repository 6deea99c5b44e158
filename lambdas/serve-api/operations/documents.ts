import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FormFile } from '../../../shared/multipart.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import { uploadKeyFault } from '../../../shared/uploads.ts';
import { uploadPrefix } from '../complete-upload.ts';
import { itemIdOf } from '../item-id.ts';
import { operation } from '../operation.ts';
import type { ApiPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { itemId, runId } from '../schemas.ts';
import { checkOptions, manifestOfRows, submitRun } from '../submit-run.ts';

const PROCESSOR = 'document';

const file = z.custom<FormFile>((value) => typeof value === 'object' && value !== null && (value as FormFile).bytes?.byteLength > 0, 'expected a file that is not empty');
const options = z.string().transform((text, context): JsonObject => {
  const read = parse(text);
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as JsonObject;
  context.addIssue('expected a JSON object');
  return z.NEVER;
});
const submission = z.strictObject({ file, options: options.optional() });

const SUBMISSION_DOCUMENT: JsonObject = {
  type: 'object',
  properties: {
    file: { type: 'string', format: 'binary', minLength: 1, description: 'The document; with its name' },
    options: { type: 'string', description: 'A JSON object: the options of the processor `document`', examples: ['{"maxPages":10}'] },
  },
  required: ['file'],
  additionalProperties: false,
};

export const createDocument = operation({
  id: 'createDocument',
  method: 'POST',
  path: '/v1/documents',
  summary: 'One document of up to 4 MB in one call: its run has one item.',
  scope: 'submit',
  body: submission,
  bodyDocument: () => SUBMISSION_DOCUMENT,
  isForm: true,
  headers: { 'Idempotency-Key': 'The same key again answers the item that it made, with 200' },
  answers: { 201: { says: 'The item', schema: z.object({ item: itemId, run: runId }) }, 200: { says: 'The item that this Idempotency-Key made before', schema: z.object({ item: itemId, run: runId }) } },
  leadsTo: { showItem: { item: 'item' }, showRun: { run: 'run' } },
  problems: [409, 413, 415, 422, 429],
  async handle({ body, caller, headers }, ports) {
    const chosen = body.options ?? {};
    const key = headers['idempotency-key'];
    const stored = await store(caller.tenant, { file: body.file, key, options: chosen }, ports);
    const manifest = manifestOfRows([{ file: stored, id: body.file.name || 'document' }]);
    const { run, isOld } = await submitRun({ tenant: caller.tenant, processor: PROCESSOR, options: chosen, manifest, key }, ports);
    return { status: isOld ? 200 : 201, body: { item: itemIdOf({ run, line: 1 }), run }, headers: { location: `/v1/items/${itemIdOf({ run, line: 1 })}` } };
  },
});

interface Given {
  readonly file: FormFile;
  readonly key: string | undefined;
  readonly options: JsonObject;
}

/** With an `Idempotency-Key` its place follows from its bytes: the same request stores the same again. @returns its key below the tenant's prefix */
async function store(tenant: string, { file: { name, contentType, bytes }, key, options: chosen }: Given, { uploads, newId, findProcessor }: ApiPorts): Promise<string> {
  const processor = findProcessor(PROCESSOR);
  if (processor) checkOptions(processor, chosen);
  const upload = key === undefined ? `u${newId()}` : `u${createHash('sha256').update(key).update('\0').update(bytes).digest('hex')}`;
  const path = `${upload}/${name || 'document'}`;
  const fault = uploadKeyFault(path);
  if (fault !== undefined) throw new Problem(400, fault, { errors: [{ in: 'body', pointer: '/file', detail: fault }] });
  await uploads.write(uploadPrefix({ tenant, upload }) + (name || 'document'), bytes, contentType || 'application/octet-stream');
  return path;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
