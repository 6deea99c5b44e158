import { z } from 'zod';
import { UsageError } from '../../../shared/errors.ts';
import { LIMIT_UNITS, parseLimit } from '../../../shared/limit-language.ts';
import { patternsFor } from '../../../shared/limit-settings.ts';
import type { LimitLine } from '../../../shared/limiting/limit-control.ts';
import { operation } from '../operation.ts';
import { Problem } from '../problem.ts';
import { cursorQuery, fromCursor, nextCursor, toCursor } from '../schemas.ts';

const EXAMPLE_KEY = 'host:example.com';

/** A `/` in it may come as `%2F` or as it is. */
const limitParams = z.object({ key: z.string().regex(/^(?:host|domain|tenant|group|api):\S{1,500}$/).meta({ description: 'A key in use or a pattern: `host:example.com`, `host:*`, `api:openai:gpt-4o:tokens`, `tenant:acme*host:example.com`', examples: [EXAMPLE_KEY] }) });

const setting = z.object({ unit: z.enum(LIMIT_UNITS), units: z.int().positive(), windowMs: z.int().positive(), burst: z.int().positive().optional() });

export const limitSchema = z.object({
  key: z.string(),
  setting: setting.optional().meta({ description: 'What is set for it; missing: the default' }),
  perMinute: z.number().optional().meta({ description: 'In force; missing: the key is not in use' }),
  burst: z.int().optional(),
  share: z.number().optional().meta({ description: 'Of its rate: below 1 while it recovers from a throttle' }),
  used: z.number().meta({ description: 'Units of the last minute' }),
  throttles: z.int().meta({ description: 'In a row' }),
  breaker: z.enum(['closed', 'open', 'half open']),
  pausedUntil: z.iso.datetime().optional(),
  waiting: z.int().optional().meta({ description: 'Batches that wait for it' }),
});

const view = ({ pausedUntil, ...line }: LimitLine): z.infer<typeof limitSchema> => ({ ...line, ...(pausedUntil !== undefined && { pausedUntil: new Date(pausedUntil).toISOString() }) });

export const listLimits = operation({
  id: 'listLimits',
  method: 'GET',
  path: '/v1/limits',
  summary: 'Keys in use and patterns that are set, in the order of their names.',
  scope: 'operator',
  query: z.strictObject({ ...cursorQuery, prefix: z.string().max(500).optional().meta({ description: 'Only keys that begin so, such as `host:`' }) }),
  answers: { 200: { says: 'A page of limits', schema: z.object({ limits: z.array(limitSchema), nextCursor }) } },
  async handle({ query: { limit, cursor, prefix = '' } }, { limits }) {
    const after = cursor === undefined ? '' : fromCursor(cursor);
    const wanted = (await limits.list()).filter(({ key }) => key.startsWith(prefix) && key > after);
    const page = wanted.slice(0, limit);
    return { status: 200, body: { limits: page.map(view), ...(page.length < wanted.length && { nextCursor: toCursor(page.at(-1)!.key) }) } };
  },
});

export const showLimit = operation({
  id: 'showLimit',
  method: 'GET',
  path: '/v1/limits/{key+}',
  summary: 'One limit: its rate, what was used of it, and what holds it.',
  scope: 'operator',
  params: limitParams,
  answers: { 200: { says: 'The limit', schema: limitSchema } },
  problems: [404],
  async handle({ params }, { limits }) {
    const line = (await limits.list()).find(({ key }) => key === params.key);
    if (!line) throw new Problem(404, `${params.key} is not in use, and has no setting`);
    return { status: 200, body: view(line) };
  },
});

export const setLimit = operation({
  id: 'setLimit',
  method: 'PUT',
  path: '/v1/limits/{key+}',
  summary: 'Sets a limit, in the words of those who make it. Workers know it within ten seconds.',
  scope: 'operator',
  params: limitParams,
  body: z.strictObject({ limit: z.string().min(1).max(200).meta({ description: 'As `spillway limits set` takes it', examples: ['2 requests per second', '450 requests and 450,000 tokens per minute', '10 requests per second, burst 5'] }) }),
  answers: { 200: { says: 'What is set now', schema: z.object({ set: z.record(z.string(), setting), changed: z.array(z.string()).meta({ description: 'Keys in use whose record has the new rate already' }) }) } },
  leadsTo: { showLimit: { key: 'key' } },
  problems: [415],
  async handle({ params, body }, { limits }) {
    const changes = understood('/limit', () => patternsFor(params.key, parseLimit(body.limit)));
    return { status: 200, body: { set: Object.fromEntries(changes), changed: await limits.set(changes) } };
  },
});

export const unsetLimit = operation({
  id: 'unsetLimit',
  method: 'DELETE',
  path: '/v1/limits/{key+}',
  summary: 'Takes a setting away: the key has its default again.',
  scope: 'operator',
  params: limitParams,
  answers: { 204: { says: 'It is not set any more' } },
  problems: [404],
  async handle({ params: { key } }, { limits }) {
    if (!(await limits.unset([key, ...LIMIT_UNITS.map((unit) => `${key}:${unit}`)]))) throw new Problem(404, `${key} has no setting`);
    return { status: 204 };
  },
});

/** @throws Problem 400 for what people can't mean */
function understood<Value>(pointer: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError) throw new Problem(400, error.message, { errors: [{ in: 'body', pointer, detail: error.message }] });
    throw error;
  }
}
