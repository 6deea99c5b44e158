import { z } from 'zod';
import { ConfigurationError } from './errors.ts';

/** The environment of the functions: every variable, its form and its default. A handler picks the ones that it needs. */

const json = <T extends z.ZodType>(schema: T) =>
  z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'expected JSON' });
      return z.NEVER;
    }
  }).pipe(schema);

const list = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter((part) => part !== ''));

export const VARIABLES = {
  PROGRESS_TABLE: z.string().min(1),
  LANES_TABLE: z.string().min(1),
  LIMITS_TABLE: z.string().min(1),
  TENANTS_TABLE: z.string().min(1),
  MANIFESTS_BUCKET: z.string().min(1),
  RESULTS_BUCKET: z.string().min(1),
  /** Empty: the function reads no uploads. */
  UPLOADS_BUCKET: z.string(),
  DISPATCH_QUEUE_URL: z.url(),
  /** Worker class -> queue URL. */
  WORK_QUEUE_URLS: json(z.record(z.string(), z.url())),
  /** Worker class -> most batches in flight. */
  WINDOWS: json(z.record(z.string(), z.int().positive())),
  /** The queue that the function reads, and the dead-letter queue behind it. */
  SOURCE_QUEUE_URL: z.url(),
  PARKED_QUEUE_URL: z.url(),
  /** Between a worker's time-out and the end of its lease. */
  LEASE_MARGIN_SECONDS: z.coerce.number().positive(),
  /** What a worker keeps of its time for settling. */
  CLOSING_SECONDS: z.coerce.number().positive(),
  /** A worker's environment ends after so many items, or with more of its heap in use. */
  RETIRE_AFTER_ITEMS: z.coerce.number().int().positive(),
  RETIRE_ABOVE_HEAP_MB: z.coerce.number().positive(),
  /** How long a slot may be taken before the dispatcher looks at the ledger. */
  RESEND_AFTER_SECONDS: z.coerce.number().positive(),
  STATE_MACHINE_ARN: z.string().startsWith('arn:'),
  /** CIDR ranges that requests may reach although they are not public; empty: none. */
  ALLOWED_NETWORKS: list,
  HOST_REQUESTS_PER_SECOND: z.coerce.number().positive(),
  HOST_CONNECTIONS: z.coerce.number().int().positive(),
  /** Prefix of the parameters that hold APIs and their keys; undefined: a worker class that may not read them. */
  APIS_PREFIX: z.string().startsWith('/').endsWith('/').optional(),
} as const;

type Variable = keyof typeof VARIABLES;
export type Configuration<Name extends Variable> = { readonly [K in Name]: z.infer<(typeof VARIABLES)[K]> };

/**
 * Reads the named variables.
 * @throws ConfigurationError naming every variable that is missing or has a wrong form
 */
export function readConfiguration<Name extends Variable>(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly Name[],
): Configuration<Name> {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const parsed = VARIABLES[name].safeParse(environment[name]);
    if (parsed.success) values[name] = parsed.data;
    else faults.push(`${name}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}, got ${JSON.stringify(environment[name])}`);
  }
  if (faults.length > 0) throw new ConfigurationError(`the function's environment is not usable: ${faults.join(' | ')}`);
  return values as Configuration<Name>;
}
