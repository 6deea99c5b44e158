import { z } from 'zod';
import { TENANT_PATTERN } from '../../../shared/names.ts';
import { ALL_TENANTS, tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { changeSettings, giveCredits, NO_CREDITS } from '../../../shared/tenant-admin.ts';
import { viewTenant, viewTenants } from '../../../shared/view-tenant.ts';
import { operation } from '../operation.ts';
import { Problem } from '../problem.ts';

const tenantId = z.string().regex(new RegExp(`${TENANT_PATTERN.source}|^\\*$`)).meta({ description: 'A tenant; `*`: what bounds them all, and their defaults', examples: ['acme'] });
/** Of one change. */
const MAX_CREDITS = 1_000_000_000;
/** They are one record, of at most 400 KB. */
const MAX_GROUP_WEIGHTS = 300;

const tenantParams = z.object({ tenant: tenantId });
const credits = z.object({ balance: z.int(), held: z.int(), charged: z.int() });

export const tenantSchema = z.object({
  tenant: tenantId,
  settings: tenantSettingsSchema,
  credits: credits.optional().meta({ description: 'Missing: nobody ever gave any' }),
  openRuns: z.int(),
  queuedRuns: z.int().meta({ description: 'Of them, those that wait to be let in' }),
  waiting: z.object({ items: z.int(), inLine: z.int(), itemsPerSecond: z.number().optional() }).optional().meta({ description: 'Of a tenant with a cap' }),
  service: z.object({ share: z.number(), lagMs: z.number() }).optional().meta({ description: 'Of a tenant with work: its part of what workers did lately, and how far it is ahead of its turn' }),
});

export const listTenants = operation({
  id: 'listTenants',
  method: 'GET',
  path: '/v1/tenants',
  summary: 'Every tenant that has settings or an open run.',
  scope: 'operator',
  answers: { 200: { says: 'All of them', schema: z.object({ tenants: z.array(tenantSchema) }) } },
  handle: async (_request, { tenantAdmin, describeQueue }) => ({ status: 200, body: { tenants: await viewTenants(tenantAdmin, await describeQueue()) } }),
});

export const showTenant = operation({
  id: 'showTenant',
  method: 'GET',
  path: '/v1/tenants/{tenant}',
  summary: 'One tenant: its settings, its credits, its runs, its turn.',
  scope: 'operator',
  params: tenantParams,
  answers: { 200: { says: 'The tenant; one that nobody has heard of has the defaults', schema: tenantSchema } },
  async handle({ params: { tenant } }, { tenantAdmin, describeQueue }) {
    const [runs, queue] = await Promise.all([tenantAdmin.openRuns(), describeQueue()]);
    return { status: 200, body: await viewTenant(tenant, tenantAdmin, { runs, queue }) };
  },
});

const released = z.int().meta({ description: 'Runs that waited and go on now' });

export const setTenant = operation({
  id: 'setTenant',
  method: 'PUT',
  path: '/v1/tenants/{tenant}',
  summary: "A tenant's settings, all of them: what is not named has its default again.",
  scope: 'operator',
  params: tenantParams,
  body: tenantSettingsSchema.refine(({ groupWeights = {} }) => Object.keys(groupWeights).length <= MAX_GROUP_WEIGHTS, { path: ['groupWeights'], message: `expected at most ${MAX_GROUP_WEIGHTS} groups` }),
  answers: { 200: { says: 'The settings, with their defaults', schema: z.object({ tenant: tenantId, settings: tenantSettingsSchema, released }) } },
  leadsTo: { showTenant: { tenant: 'tenant' } },
  problems: [415],
  async handle({ params: { tenant }, body: settings }, { tenantAdmin }) {
    return { status: 200, body: { tenant, settings, released: await changeSettings(tenantAdmin, tenant, settings) } };
  },
});

export const addCredits = operation({
  id: 'addCredits',
  method: 'POST',
  path: '/v1/tenants/{tenant}/credits',
  summary: 'Gives a tenant credits, or takes them, once for each `id`. From then on its runs pay, unless its settings say no.',
  scope: 'operator',
  params: tenantParams,
  body: z.strictObject({ amount: z.int().min(-MAX_CREDITS).max(MAX_CREDITS), id: z.string().min(1).max(200).meta({ description: 'Of this change: with the same one it counts once', examples: ['invoice-17'] }) }),
  answers: { 200: { says: 'What there is now', schema: z.object({ tenant: tenantId, credits, change: z.enum(['added', 'seen']).meta({ description: '`seen`: that id had counted before' }), released }) } },
  leadsTo: { showTenant: { tenant: 'tenant' } },
  problems: [409, 415],
  async handle({ params: { tenant }, body: { amount, id } }, { tenantAdmin }) {
    if (tenant === ALL_TENANTS) throw new Problem(409, 'expected one tenant: credits are of each');
    const given = await giveCredits(tenantAdmin, { tenant, amount, id });
    if (given.change === 'too little') throw new Problem(409, `expected a balance of at least ${-amount}`);
    return { status: 200, body: { tenant, credits: (await tenantAdmin.accounts.read(tenant)) ?? NO_CREDITS, ...given } };
  },
});
