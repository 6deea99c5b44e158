import { z } from 'zod';
import { MANIFEST_FILE_NAME, runPrefix } from '../../../shared/names.ts';
import type { RunManifest } from '../../../shared/rows.ts';
import { groupErrors } from '../group-errors.ts';
import { operation } from '../operation.ts';
import { Problem } from '../problem.ts';
import { cursorQuery, fromCursor, nextCursor, runParams, toCursor } from '../schemas.ts';
import { findRun } from '../view-run.ts';

const LINK_SECONDS = 3600;

export const fileSchema = z.object({ path: z.string(), bytes: z.int().nonnegative(), sha256: z.string(), url: z.string() });

export const listResults = operation({
  id: 'listResults',
  method: 'GET',
  path: '/v1/runs/{run}/results',
  summary: "A finished run's files, each with a link that opens it for an hour.",
  scope: 'read',
  params: runParams,
  query: z.strictObject({ ...cursorQuery, prefix: z.string().max(500).optional().meta({ description: 'Only files whose path begins so, such as `sites/` or `results/`' }) }),
  answers: { 200: { says: 'A page of files', schema: z.object({ files: z.array(fileSchema), expiresAt: z.iso.datetime(), nextCursor }) } },
  problems: [404, 409],
  async handle({ params, query, caller }, { ledger, results, signResult, clock }) {
    const record = await findRun(params.run, caller.tenant, { ledger });
    if (record.state !== 'finished') throw new Problem(409, `expected a finished run, ${record.run} is ${record.state}`, record.state === 'failed' ? {} : { retryAfterSeconds: 5 });
    const prefix = runPrefix(record.tenant, record.run);
    const manifest = JSON.parse(Buffer.from(await results.read(prefix + MANIFEST_FILE_NAME)).toString()) as RunManifest;
    const wanted = manifest.files.filter(({ path }) => path.startsWith(query.prefix ?? ''));
    const after = query.cursor === undefined ? undefined : fromCursor(query.cursor);
    const from = after === undefined ? 0 : wanted.findIndex(({ path }) => path > after);
    const page = from === -1 ? [] : wanted.slice(from, from + query.limit);
    const files = await Promise.all(page.map(async ({ path, bytes, sha256 }) => ({ path, bytes, sha256, url: await signResult(prefix + path, LINK_SECONDS) })));
    const isLast = from === -1 || from + query.limit >= wanted.length;
    return { status: 200, body: { files, expiresAt: new Date(clock() + 1000 * LINK_SECONDS).toISOString(), ...(!isLast && { nextCursor: toCursor(page.at(-1)!.path) }) } };
  },
});

const sample = z.object({ line: z.int().positive(), id: z.string().optional(), input: z.record(z.string(), z.unknown()), message: z.string() });
export const errorGroupSchema = z.object({ error: z.string(), retryable: z.boolean(), count: z.int().positive(), samples: z.array(sample) });

export const listErrors = operation({
  id: 'listErrors',
  method: 'GET',
  path: '/v1/runs/{run}/errors',
  summary: 'Failed items by the name of their error, with samples. Of a run that goes on: what its latest parts hold.',
  scope: 'read',
  params: runParams,
  answers: { 200: { says: 'Groups, the largest first', schema: z.object({ groups: z.array(errorGroupSchema), isComplete: z.boolean().meta({ description: 'False: more failed than was looked at' }) }) } },
  problems: [404],
  async handle({ params, caller }, ports) {
    const record = await findRun(params.run, caller.tenant, ports);
    return { status: 200, body: await groupErrors(record, ports) };
  },
});
