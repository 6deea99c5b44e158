import { z } from 'zod';
import { ALL_SCOPES } from '../../shared/api-keys.ts';
import { RUN_ID_PATTERN } from '../../shared/names.ts';
import { VERDICTS } from '../../shared/rows.ts';
import { ITEM_ID_PATTERN } from './item-id.ts';

/** What the API takes and answers. Times are ISO 8601 UTC. */

export const runId = z.string().regex(RUN_ID_PATTERN).meta({ description: 'Id of a run', examples: [`r${'a'.repeat(25)}`] });
export const itemId = z.string().regex(ITEM_ID_PATTERN).meta({ description: 'Id of an item: its run and its line', examples: [`r${'a'.repeat(25)}.1`] });
export const runParams = z.object({ run: runId });
const count = z.int().nonnegative();
const time = z.iso.datetime();

export const RUN_STATES = ['accepted', 'planning', 'queued', 'running', 'paused', 'stopping', 'finished', 'failed'] as const;

export const runSchema = z.object({
  run: runId,
  processor: z.string(),
  state: z.enum(RUN_STATES).meta({ description: '`queued`: planned, and waits to be let in; `stopping`: what is open is being skipped' }),
  createdAt: time,
  finishedAt: time.optional(),
  total: count.optional().meta({ description: 'Items, duplicates included; missing before the plan' }),
  invalid: count.optional(),
  completed: count.meta({ description: 'Items with a verdict' }),
  processing: count.meta({ description: 'Items in the hands of workers' }),
  queued: count.meta({ description: 'Items that wait' }),
  succeeded: count,
  failed: count,
  skipped: count,
  percent: z.number().min(0).max(100).meta({ description: 'Below 100 until the run has finished' }),
  ratePerSecond: z.number().nonnegative().optional().meta({ description: 'Verdicts a second, since the run was made' }),
  etaSeconds: count.optional(),
  waitsFor: z
    .array(z.object({ what: z.string(), until: time.optional() }))
    .meta({ description: 'Limits, credits or places that hold it back' }),
  error: z.string().optional(),
  stop: z.object({ reason: z.string(), at: time }).optional(),
  redriveOf: runId.optional(),
});
export type RunView = z.infer<typeof runSchema>;

export const resultRowSchema = z.object({
  line: z.int().positive().meta({ description: "Line of the run's manifest: names the item" }),
  id: z.string().optional(),
  group: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  verdict: z.enum(VERDICTS),
  output: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ name: z.string(), message: z.string(), retryable: z.boolean() }).optional(),
  reason: z.string().optional(),
  attempts: z.int().nonnegative(),
  startedAt: time,
  durationMs: z.number().nonnegative(),
});

/** What a cursor holds is nobody's business but the operation's that gave it. */
export const toCursor = (place: string): string => Buffer.from(place).toString('base64url');
export const fromCursor = (cursor: string): string => Buffer.from(cursor, 'base64url').toString();

export const cursorQuery = { limit: z.coerce.number().int().min(1).max(100).default(20), cursor: z.string().regex(/^[\w-]{1,400}$/).optional() };
export const nextCursor = z.string().optional().meta({ description: 'For the next page; missing on the last' });

export const keySchema = z.object({ id: z.string(), name: z.string(), scopes: z.array(z.enum(ALL_SCOPES)), createdAt: time, expiresAt: time.optional() });
export const newKeySchema = keySchema.extend({ key: z.string().meta({ description: 'Shown this once' }) });

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  retryable: z.boolean(),
  errors: z.array(z.object({ in: z.enum(['body', 'query', 'path', 'header']), pointer: z.string(), detail: z.string() })).optional(),
});
