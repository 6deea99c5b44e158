import { z } from 'zod';
import { listPlace } from '../../../shared/names.ts';
import type { RunRecord } from '../../../shared/records.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import { describeByProcessor, processorName, runOptions } from '../describe-by-processor.ts';
import { operation } from '../operation.ts';
import type { ApiPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { cursorQuery, fromCursor, nextCursor, RUN_STATES, runParams, runSchema, toCursor } from '../schemas.ts';
import { adoptManifest, manifestOfRows, type Submitted, submitRun } from '../submit-run.ts';
import { completeUpload } from '../complete-upload.ts';
import { completionOfUpload } from './uploads.ts';
import { answerRun, findRun, listedRun, viewRun } from '../view-run.ts';

const MAX_INLINE_ITEMS = 50_000;
/** A list that filters much reads at most so many pages. */
const PAGES_AT_ONCE = 5;

const item = z.union([z.string().min(1), z.record(z.string(), z.unknown())]);
const items = z.array(item).min(1).max(MAX_INLINE_ITEMS).meta({ description: 'Each a row: a bare value, or an object of fields' });
const key = z.string().min(1).max(1024).meta({ description: "The key of a manifest in the stack's bucket of manifests, below the tenant's name; its options lie with it", examples: ['acme/llms-txt/urls.txt'] });

const WORK = ['items', 'upload', 'key'] as const;
const GOES_WITH: Readonly<Record<(typeof WORK)[number], readonly string[]>> = { items: ['processor', 'options'], upload: ['processor', 'options', 'files', 'manifest'], key: [] };
/** Also beside other faults: all of them are told at once. */
const isObject = ({ value }: { readonly value: unknown }): boolean => typeof value === 'object' && value !== null;

const submission = z
  .strictObject({ processor: processorName, options: runOptions, items, key, ...completionOfUpload })
  .partial()
  .refine((body) => WORK.some((name) => body[name] !== undefined), { path: ['items'], message: 'expected `items`, an `upload` or a `key`', when: isObject })
  .refine((body) => body.items === undefined || body.processor !== undefined, { path: ['processor'], message: 'expected the name of a processor', when: isObject })
  .superRefine((body, context) => {
    const work = WORK.find((name) => body[name] !== undefined);
    if (work === undefined) return;
    const needless = Object.keys(body).filter((name) => name !== work && !GOES_WITH[work].includes(name));
    for (const name of needless) context.addIssue({ code: 'custom', path: [name], message: `expected nothing of it beside \`${work}\`` });
  });
const inline = z.strictObject({ processor: processorName, options: runOptions.optional(), items });
const ofUpload = z.strictObject({ ...completionOfUpload, processor: processorName, options: runOptions }).partial().required({ upload: true });
const ofKey = z.strictObject({ key });

/** A form for each processor, and those of work that lies in S3. */
function describeSubmission(): JsonObject {
  const { oneOf, examples } = describeByProcessor(inline, [{ processor: 'noop', items: ['one', { value: 'two', id: 'b' }] }]);
  const others = [ofUpload, ofKey].map((form) => z.toJSONSchema(form, { io: 'input' }));
  return { oneOf: [...(oneOf as JsonObject[]), ...others.map(({ $schema: _, ...rest }) => rest as JsonObject)], examples: examples! };
}

export const createRun = operation({
  id: 'createRun',
  method: 'POST',
  path: '/v1/runs',
  summary: 'Starts a run of these items (more than 5 MB come as an upload), of an upload, or of a manifest in S3.',
  scope: 'submit',
  body: submission,
  bodyDocument: describeSubmission,
  headers: { 'Idempotency-Key': 'The same key again answers the run that it made, with 200' },
  answers: { 201: { says: 'The run', schema: runSchema }, 200: { says: 'The run that was there: of this Idempotency-Key, upload or manifest', schema: runSchema } },
  leadsTo: Object.fromEntries(['showRun', 'cancelRun', 'pauseRun', 'resumeRun', 'redriveRun', 'listItems', 'listErrors', 'listResults'].map((id) => [id, { run: 'run' }])),
  problems: [409, 413, 415, 422, 429],
  async handle({ body, caller, headers }, ports) {
    const { run, isOld } = await start(caller.tenant, body, headers['idempotency-key'], ports);
    return answerRun(isOld ? 200 : 201, run, caller.tenant, ports);
  },
});

function start(tenant: string, { items: rows, upload, key: manifest, options: chosen = {}, ...work }: z.infer<typeof submission>, idempotencyKey: string | undefined, ports: ApiPorts): Promise<Submitted> {
  if (manifest !== undefined) return adoptManifest(manifest, tenant, ports);
  if (upload !== undefined) return completeUpload({ tenant, upload, processor: work.processor ?? 'document', options: chosen, files: work.files, manifest: work.manifest }, ports);
  return submitRun({ tenant, processor: work.processor!, options: chosen, manifest: manifestOfRows(rows!), key: idempotencyKey }, ports);
}

const listed = runSchema.pick({ run: true, processor: true, state: true, createdAt: true, finishedAt: true, total: true });
const listQuery = z.strictObject({ ...cursorQuery, state: z.enum(RUN_STATES).optional(), processor: z.string().max(100).optional() });

export const listRuns = operation({
  id: 'listRuns',
  method: 'GET',
  path: '/v1/runs',
  summary: "The tenant's runs, newest first.",
  scope: 'read',
  query: listQuery,
  answers: { 200: { says: 'A page of runs', schema: z.object({ runs: z.array(listed), nextCursor }) } },
  async handle({ query, caller }, ports) {
    const { runs, last } = await readRuns(caller.tenant, query, ports);
    return { status: 200, body: { runs: runs.map(listedRun), ...(last && { nextCursor: toCursor(listPlace(last)) }) } };
  },
});

async function readRuns(tenant: string, { limit, cursor, state, processor }: z.infer<typeof listQuery>, { ledger }: ApiPorts): Promise<{ readonly runs: RunRecord[]; readonly last?: RunRecord }> {
  const runs: RunRecord[] = [];
  let before = cursor === undefined ? undefined : fromCursor(cursor);
  for (let page = 0; page < PAGES_AT_ONCE; page++) {
    const found = await ledger.listRuns(tenant, limit, before);
    for (const run of found) {
      before = listPlace(run);
      if (run.deletedAt !== undefined) continue;
      if ((state === undefined || listedRun(run).state === state) && (processor === undefined || run.processor === processor)) runs.push(run);
      if (runs.length === limit) return { runs, last: run };
    }
    if (found.length < limit) return { runs };
    if (page === PAGES_AT_ONCE - 1) return { runs, last: found.at(-1)! };
  }
  return { runs };
}

export const showRun = operation({
  id: 'showRun',
  method: 'GET',
  path: '/v1/runs/{run}',
  summary: 'State, counts, rate, time left, and what a run waits for.',
  scope: 'read',
  params: runParams,
  answers: { 200: { says: 'The run', schema: runSchema } },
  problems: [404],
  handle: async ({ params, caller }, ports) => ({ status: 200, body: await viewRun(await findRun(params.run, caller.tenant, ports), ports) }),
});

export const deleteRun = operation({
  id: 'deleteRun',
  method: 'DELETE',
  path: '/v1/runs/{run}',
  summary: 'Deletes an ended run: it is gone at once, and its files and the stored version of its manifest within two hours.',
  scope: 'manage',
  params: runParams,
  answers: { 204: { says: 'It is deleted' } },
  problems: [404, 409],
  async handle({ params, caller }, ports) {
    const record = await findRun(params.run, caller.tenant, ports);
    if (!(await ports.erasures.markDeleted(record, ports.clock()))) throw new Problem(409, `expected a run that has ended, ${record.run} goes on: cancel it first`);
    return { status: 204 };
  },
});

/** What an operator does to a run; one that has ended stays as it is. */
const controlOperation = (verb: 'cancel' | 'pause' | 'resume', summary: string) =>
  operation({
    id: `${verb}Run`,
    method: 'POST',
    path: `/v1/runs/{run}/${verb}`,
    summary,
    scope: 'manage',
    params: runParams,
    answers: { 200: { says: 'The run as it is now', schema: runSchema } },
    problems: [404, 409],
    async handle({ params, caller }, ports) {
      const { run, state } = await findRun(params.run, caller.tenant, ports);
      if (state === 'finished' || state === 'failed') throw new Problem(409, `expected a run that goes on, ${run} is ${state}`);
      const record = await ports.control[verb](run);
      return { status: 200, body: await viewRun(record ?? (await findRun(run, caller.tenant, ports)), ports) };
    },
  });

export const cancelRun = controlOperation('cancel', 'Ends a run now: what has no verdict yet is skipped, what is done stays.');
export const pauseRun = controlOperation('pause', 'Lets what is in work end, and nothing begin.');
export const resumeRun = controlOperation('resume', 'Lets a paused run go on.');
