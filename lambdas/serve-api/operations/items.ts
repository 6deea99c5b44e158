import { z } from 'zod';
import { VERDICTS, type ResultRow } from '../../../shared/rows.ts';
import { listItems, type ItemsPlace } from '../list-items.ts';
import { operation } from '../operation.ts';
import { createHostFilter, readHostName, type RowChoice } from '../redrive/choose-rows.ts';
import { redriveRun } from '../redrive-run.ts';
import { cursorQuery, fromCursor, nextCursor, resultRowSchema, runParams, runSchema, toCursor } from '../schemas.ts';
import { answerRun, findRun } from '../view-run.ts';

const errorName = z.string().min(1).max(100);
const hostName = z.string().min(1).max(300).refine((text) => readHostName(text) !== undefined, 'expected a host such as example.com');

const itemsQuery = z.strictObject({
  ...cursorQuery,
  verdict: z.enum(VERDICTS).optional(),
  error: errorName.optional().meta({ description: 'Only items that failed with it' }),
  host: hostName.optional().meta({ description: 'Only items of this host, with its port or without' }),
});

export const listRunItems = operation({
  id: 'listItems',
  method: 'GET',
  path: '/v1/runs/{run}/items',
  summary: 'Items with their verdicts. A page looks into four parts at most, so that it may hold fewer than asked for and still lead on. Duplicates are not among them.',
  scope: 'read',
  params: runParams,
  query: itemsQuery,
  answers: { 200: { says: 'A page of items', schema: z.object({ items: z.array(resultRowSchema), isComplete: z.boolean().meta({ description: 'False while the run goes on: the newest part of each batch' }), nextCursor }) } },
  problems: [404],
  async handle({ params, query, caller }, ports) {
    const record = await findRun(params.run, caller.tenant, ports);
    const processor = ports.findProcessor(record.processor);
    const isAtHost = query.host === undefined || !processor ? () => query.host === undefined : createHostFilter(new Set([readHostName(query.host)!]), processor, record.options);
    const isWanted = (row: ResultRow): boolean => isAtHost(row) && (query.verdict === undefined || row.verdict === query.verdict) && (query.error === undefined || (row.verdict === 'failed' && row.error.name === query.error));
    const { items, last, isComplete } = await listItems(record, { isWanted, limit: query.limit, after: readPlace(query.cursor) }, ports);
    return { status: 200, body: { items, isComplete, ...(last && { nextCursor: toCursor(`${last.rows} ${last.part}`) }) } };
  },
});

/** A cursor that is none begins anew. */
function readPlace(cursor: string | undefined): ItemsPlace | undefined {
  const [, rows, part] = /^(\d+) (\S+)$/.exec(fromCursor(cursor ?? '')) ?? [];
  return rows === undefined || part === undefined ? undefined : { rows: Number(rows), part };
}

const redriveBody = z.strictObject({
  errors: z.array(errorName).max(50).default([]).meta({ description: 'Only items that failed with one of these; empty: all that failed' }),
  hosts: z.array(hostName).max(50).default([]),
  retryableOnly: z.boolean().default(false),
  before: z.iso.datetime().optional().meta({ description: 'Only items that failed in a try begun before' }),
  withSkipped: z.boolean().default(false).meta({ description: "Also what the run's stop skipped" }),
  options: z.record(z.string(), z.unknown()).default({}).meta({ description: "Instead of the old run's" }),
});

const choiceOf = ({ errors, hosts, retryableOnly, before, withSkipped }: z.infer<typeof redriveBody>): RowChoice => ({
  errors: new Set(errors),
  hosts: new Set(hosts.map((host) => readHostName(host)!)),
  isRetryableOnly: retryableOnly,
  beforeMs: before === undefined ? Infinity : Date.parse(before),
  withSkipped,
});

export const redrive = operation({
  id: 'redriveRun',
  method: 'POST',
  path: '/v1/runs/{run}/redrive',
  summary: 'Does failed items of a finished run again, in a run of their own that names it. Each keeps its line.',
  scope: 'submit',
  params: runParams,
  body: redriveBody,
  answers: { 201: { says: 'The new run', schema: runSchema } },
  leadsTo: { showRun: { run: 'run' } },
  problems: [404, 409, 413, 415, 422],
  async handle({ params, body, caller }, ports) {
    const run = await redriveRun(await findRun(params.run, caller.tenant, ports), { choice: choiceOf(body), options: body.options }, ports);
    return answerRun(201, run, caller.tenant, ports);
  },
});
