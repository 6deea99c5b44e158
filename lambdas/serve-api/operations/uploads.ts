import { z } from 'zod';
import { processorName, runOptions } from '../describe-by-processor.ts';
import { completeUpload, MAX_FILES, uploadPrefix } from '../complete-upload.ts';
import { operation } from '../operation.ts';
import { runSchema } from '../schemas.ts';
import { answerRun } from '../view-run.ts';

const MIB = 1024 * 1024;
const MAX_FILE_BYTES = 100 * MIB;
/** A role's credentials, which sign the form, may end soon after. */
const FORM_SECONDS = 3600;
const MS_PER_SECOND = 1000;

const uploadId = z.string().regex(/^u[\w-]{1,64}$/).meta({ description: 'Id of an upload', examples: [`u${'a'.repeat(20)}`] });

const opening = z.strictObject({
  contentType: z.string().regex(/^[\w.+/-]{0,100}$/).default('').meta({ description: 'What the type of every file begins with, such as `application/pdf` or `text/`' }),
  maxFileBytes: z.int().min(1).max(MAX_FILE_BYTES).default(50 * MIB),
  upload: uploadId.optional().meta({ description: 'Goes on with this upload: a new form for files that are still to come' }),
});

export const formSchema = z.object({
  upload: uploadId,
  url: z.url().meta({ description: 'Where each file is posted to, as `multipart/form-data`' }),
  fields: z.record(z.string(), z.string()).meta({ description: 'Go before the `file`, with `key` (below `keyPrefix`) and `Content-Type` of its own' }),
  keyPrefix: z.string(),
  maxFiles: z.int(),
  maxFileBytes: z.int(),
  expiresAt: z.iso.datetime(),
});

export const createUpload = operation({
  id: 'createUpload',
  method: 'POST',
  path: '/v1/uploads',
  summary: 'A form that stores files for an hour, straight in S3. `completeUpload` makes a run of them.',
  scope: 'submit',
  body: opening,
  answers: { 201: { says: 'The form', schema: formSchema } },
  leadsTo: { completeUpload: { upload: 'upload' } },
  problems: [413, 415],
  async handle({ body: { contentType, maxFileBytes, upload: given }, caller }, ports) {
    const upload = given ?? `u${ports.newId()}`;
    const keyPrefix = uploadPrefix({ tenant: caller.tenant, upload });
    const expiresAt = new Date(ports.clock() + FORM_SECONDS * MS_PER_SECOND).toISOString();
    return { status: 201, body: { upload, ...(await ports.signForm({ keyPrefix, contentType, maxFileBytes, seconds: FORM_SECONDS })), keyPrefix, maxFiles: MAX_FILES, maxFileBytes, expiresAt } };
  },
});

const files = z.int().min(1).meta({ description: 'How many there must be: else it is refused' });
const manifest = z.string().min(1).max(900).meta({ description: 'The path of the one that lists the work, in any form of a manifest; a row of `document` names a `file` as `<upload>/<path>`' });

/** What may be said of an upload that becomes a run. */
export const completionOfUpload = { upload: uploadId, files, manifest };

const completion = z.strictObject({
  processor: processorName.default('document'),
  options: runOptions.default({}),
  files: files.optional(),
  manifest: manifest.optional(),
});

export const completeUploadOperation = operation({
  id: 'completeUpload',
  method: 'POST',
  path: '/v1/uploads/{upload}/complete',
  summary: `Makes a run of an upload's files, each an item (at most ${MAX_FILES}), or of the manifest among them.`,
  scope: 'submit',
  params: z.object({ upload: uploadId }),
  body: completion,
  answers: { 201: { says: 'The run', schema: runSchema }, 200: { says: 'The run that was made of it before', schema: runSchema } },
  leadsTo: { showRun: { run: 'run' } },
  problems: [409, 413, 415, 422, 429],
  async handle({ params, body, caller }, ports) {
    const { run, isOld } = await completeUpload({ tenant: caller.tenant, upload: params.upload, ...body, files: body.files, manifest: body.manifest }, ports);
    return answerRun(isOld ? 200 : 201, run, caller.tenant, ports);
  },
});
