import { z } from 'zod';

/** The rows of a run's files, as verify expects them: written out once more here, so that it shares no mistake with the writers. */

const line = z.int().positive();
const count = z.int().nonnegative();
const jsonObject = z.record(z.string(), z.unknown());
const id = z.string().optional();

const itemErrorSchema = z.strictObject({ name: z.string().min(1), message: z.string(), retryable: z.boolean() });

const attemptFields = { line, id, input: jsonObject, group: z.string().optional(), attempts: count, startedAt: z.iso.datetime(), durationMs: z.number().nonnegative() };

export const resultRowSchema = z.discriminatedUnion('verdict', [
  z.strictObject({ ...attemptFields, verdict: z.literal('succeeded'), output: jsonObject }),
  z.strictObject({ ...attemptFields, verdict: z.literal('failed'), error: itemErrorSchema }),
  z.strictObject({ ...attemptFields, verdict: z.literal('skipped'), reason: z.string().min(1) }),
]);

export const partHeaderSchema = z.strictObject({
  v: z.literal(1),
  run: z.string(),
  shard: count,
  batch: count,
  q: z.int().positive(),
  owner: z.string(),
  previous: z.string().nullable(),
  rows: count,
});

export const plannedItemSchema = z.strictObject({ line, id, input: jsonObject, limitKey: z.string().optional(), group: z.string().optional() });

export const duplicateRowSchema = z.strictObject({
  line,
  id,
  input: jsonObject,
  verdict: z.literal('skipped'),
  reason: z.literal('duplicate'),
  duplicateOf: line,
});

export const invalidRowSchema = z.strictObject({ line, row: z.string(), reason: z.string().min(1) });

/** A row of the plan's records.ndjson: one shard. */
const runs = z.array(z.tuple([z.string(), z.int().positive()])).optional();
export const shardPlanSchema = z.strictObject({ shard: count, sizes: z.array(z.int().positive()), offsets: z.array(count), lines: z.tuple([line, line]).optional(), keys: runs, groups: runs });

/** Loose: a row of errors.ndjson.gz may carry more than what is compared. */
export const errorRowSchema = z.looseObject({ line, error: itemErrorSchema });

/** Why a run ended early: also the reason of every row that it skipped for it. */
export const STOP_REASONS = ['cancelled', 'failure threshold', 'time limit'] as const;

export const runManifestSchema = z.strictObject({
  v: z.literal(1),
  run: z.string(),
  tenant: z.string(),
  processor: z.string(),
  options: jsonObject,
  source: z.strictObject({ bucket: z.string(), key: z.string(), version: z.string(), bytes: count, etag: z.string() }),
  plan: z.string(),
  totals: z.strictObject({ rows: count, invalid: count, items: count, duplicates: count, shards: count }),
  counts: z.strictObject({ succeeded: count, failed: count, skipped: count, pending: count, total: count }),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  stop: z.strictObject({ reason: z.enum(STOP_REASONS), at: z.iso.datetime() }).optional(),
  redriveOf: z.string().optional(),
  files: z.array(z.strictObject({ path: z.string().min(1), bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

export type PartHeader = z.infer<typeof partHeaderSchema>;
export type ShardPlan = z.infer<typeof shardPlanSchema>;
export type RunManifest = z.infer<typeof runManifestSchema>;

/** Reads one JSON text against a schema. */
export function parseRow<T>(schema: z.ZodType<T>, text: string): { readonly row: T } | { readonly reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { reason: 'it is no JSON' };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { row: parsed.data };
  const issue = parsed.error.issues[0];
  return { reason: `${issue?.path.join('.') || 'the row'}: ${issue?.message}` };
}
