import { z } from 'zod';

const weight = z.int().min(1).max(100);
const bound = z.int().min(1);

/** What an operator may set for a tenant. Unknown names are refused; what is not set has its default. */
export const tenantSettingsSchema = z.strictObject({
  /** Share of the capacity that tenants with work divide: 1 to 100. */
  weight: weight.default(1),
  /** Batches in flight at once, over all worker classes. @default no bound but the window */
  maxInFlight: bound.optional(),
  /** Batches in flight at once of each run. @default no bound */
  maxInFlightPerRun: bound.optional(),
  /** A round: so many items of one group at most, before the tenant's other groups with work had their turn. @default no rounds */
  maxPerGroupRound: bound.max(1_000_000).optional(),
  /** Share of a group in the tenant's share; a group that is not named has 1. */
  groupWeights: z.record(z.string().min(1).max(200), weight).optional(),
  /** Items waiting at once in all its open runs. @default the processor's bound */
  maxWaitingItems: bound.optional(),
  /** Its runs reserve and are charged credits. @default as `*` says; false there */
  paysCredits: z.boolean().optional(),
  /** Ended runs are deleted after so many days. @default as `*` says; for ever there */
  retentionDays: z.int().min(1).max(36_500).optional(),
  /** A run that would exceed that waits (`queued`), or is refused. */
  onFull: z.enum(['wait', 'refuse']).default('wait'),
});

export type TenantSettings = z.infer<typeof tenantSettingsSchema>;

/** No tenant may have this name: of its settings, `maxWaitingItems` bounds what waits of all tenants together, and `paysCredits` and `retentionDays` are the default of each. */
export const ALL_TENANTS = '*';

/** @param all of `ALL_TENANTS` */
export const paysCredits = (own: TenantSettings, all: TenantSettings): boolean => own.paysCredits ?? all.paysCredits ?? false;

export const DEFAULT_TENANT_SETTINGS: TenantSettings = tenantSettingsSchema.parse({});
