import { z } from 'zod';
import { ManifestRefusedError } from '../errors.ts';
import type { JsonObject } from '../rows.ts';
import { MAX_BATCH_ITEMS } from './limits.ts';

export const MANIFEST_FORMATS = ['txt', 'csv', 'json', 'jsonl', 'sitemap'] as const;
export type ManifestFormat = (typeof MANIFEST_FORMATS)[number];

/** In this order. */
export const PRIORITIES = ['urgent', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Options that every processor's runs have beside its own. */
export const commonOptionsSchema = z.object({
  /** Items of one batch, 1 to 1,000. @default what takes about 20 seconds, by the tenant's items before; the processor's at first */
  itemsPerBatch: z.int().min(1).max(MAX_BATCH_ITEMS).optional(),
  /** The csv column or JSON field that holds the value. @default the processor's names for it */
  column: z.string().min(1).max(200).optional(),
  /** @default by content and name */
  format: z.enum(MANIFEST_FORMATS).optional(),
  /** Before or after the tenant's other runs; it takes nothing from other tenants. @default normal */
  priority: z.enum(PRIORITIES).optional(),
  /** The csv column or JSON field that names an item's group; a tenant's groups share what it has. @default one group */
  groupBy: z.string().min(1).max(200).optional(),
  /** How often an item that failed with a retryable error is tried again, 0 to 10. @default 3 */
  retries: z.int().min(0).max(10).optional(),
  /** More failed items than this stop the run. @default none */
  maxFailures: z.int().min(0).optional(),
  /** A larger share of failed items than this (0 to 1) stops the run, once `failureSample` items were worked on. @default none */
  maxFailureRatio: z.number().min(0).max(1).optional(),
  /** 1 or more. @default 100 */
  failureSample: z.int().min(1).optional(),
  /** Credits that the run may spend at most: 0 or more. @default no bound but the tenant's balance */
  budgetCredits: z.int().min(0).optional(),
  /** A run that is older is stopped: 1 second to a year. @default none */
  timeLimitSeconds: z.int().min(1).max(31_536_000).optional(),
});

export type CommonOptions = z.infer<typeof commonOptionsSchema>;
export const COMMON_NAMES = new Set(Object.keys(commonOptionsSchema.shape));

/** Divides a run's options into the common ones and the processor's own (validated there). @throws ManifestRefusedError for a bad common option */
export function splitOptions(options: JsonObject): { common: CommonOptions; own: JsonObject } {
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !COMMON_NAMES.has(name)));
  const unfit = findUnfit(options, []);
  if (unfit) throw new ManifestRefusedError(`the run's options are wrong: \`${unfit.path.join('.').slice(0, MAX_SHOWN_CHARACTERS)}\`: ${unfit.reason}`);
  const parsed = commonOptionsSchema.safeParse(options);
  if (!parsed.success) throw new ManifestRefusedError(describeOptionFaults(parsed.error));
  return { common: parsed.data, own };
}

/** DynamoDB keeps the options in the run's record: it takes no other numbers, and 32 levels in all. */
const NUMBERS = { least: 1e-130, most: 1e125 };
const MAX_LEVELS = 25;
const MAX_SHOWN_CHARACTERS = 200;

interface Unfit {
  readonly path: readonly string[];
  readonly reason: string;
}

function findUnfit(value: unknown, path: readonly string[]): Unfit | undefined {
  if (typeof value === 'number') return isStorable(value) ? undefined : { path, reason: `expected 0 or a number from ${NUMBERS.least} to ${NUMBERS.most} in size` };
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length >= MAX_LEVELS) return { path, reason: `expected at most ${MAX_LEVELS} levels of objects and lists` };
  for (const [name, each] of Object.entries(value)) {
    const found = findUnfit(each, [...path, name]);
    if (found) return found;
  }
  return undefined;
}

const isStorable = (value: number): boolean => value === 0 || (Math.abs(value) >= NUMBERS.least && Math.abs(value) <= NUMBERS.most);

/** All faults of the options in one sentence. */
export function describeOptionFaults(error: z.ZodError): string {
  const faults = error.issues.map((issue) => (issue.path.length === 0 ? issue.message : `\`${issue.path.join('.')}\`: ${issue.message}`));
  return `the run's options are wrong: ${faults.join('; ')}`;
}
