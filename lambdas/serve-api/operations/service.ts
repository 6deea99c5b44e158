import { z } from 'zod';
import { ALL_TENANTS, paysCredits } from '../../../shared/tenant-settings.ts';
import { countPlaces } from '../../../shared/view-tenant.ts';
import { operation } from '../operation.ts';

/** What the stack stands on. */
export const PARTS = ['ledger', 'tenants', 'lanes', 'limits', 'manifests', 'uploads', 'results', 'dispatchQueue', 'stateMachine'] as const;

const part = z.enum(['up', 'down']);
const healthSchema = z.object({ status: part, parts: z.record(z.enum(PARTS), part) });
const RETRY_AFTER_SECONDS = 10;

export const health = operation({
  id: 'health',
  method: 'GET',
  path: '/health',
  summary: 'Whether the stack answers, part by part.',
  answers: { 200: { says: 'All parts answer', schema: healthSchema }, 503: { says: 'A part does not', schema: healthSchema } },
  async handle(_request, { probe }) {
    const found = await Promise.all(PARTS.map(async (name) => [name, await probe(name).then(() => 'up' as const, () => 'down' as const)] as const));
    const isUp = found.every(([, is]) => is === 'up');
    return { status: isUp ? 200 : 503, body: { status: isUp ? 'up' : 'down', parts: Object.fromEntries(found) }, ...(!isUp && { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } }) };
  },
});

const wait = z.object({ limit: z.string(), until: z.iso.datetime() });
const workerClass = z.object({ window: z.int(), inFlight: z.int(), itemsPerSecond: z.number() });
const turn = z.object({ weight: z.number(), share: z.number(), inFlight: z.int(), waitingBatches: z.int(), unopenedShards: z.int(), lagMs: z.number(), waits: z.array(wait) });

export const showQueue = operation({
  id: 'showQueue',
  method: 'GET',
  path: '/v1/queue',
  summary: "The tenant's turn: its share of the workers, what is in flight, and what it waits for.",
  scope: 'read',
  answers: { 200: { says: 'A moment of it', schema: z.object({ classes: z.record(z.string(), workerClass), tenant: turn.optional().meta({ description: 'Missing: the tenant has no work' }) }) } },
  async handle({ caller }, { describeQueue }) {
    const { classes, tenants } = await describeQueue();
    const own = tenants.find(({ tenant }) => tenant === caller.tenant);
    if (!own) return { status: 200, body: { classes } };
    const { weight, share, inFlight, waitingBatches, unopenedShards, lagMs, waits } = own;
    return { status: 200, body: { classes, tenant: { weight, share, inFlight, waitingBatches, unopenedShards, lagMs, waits: waits.map(({ limit, until }) => ({ limit, until: new Date(until).toISOString() })) } } };
  },
});

const credits = z.object({ balance: z.int(), held: z.int(), charged: z.int() });
const places = z.object({ items: z.int().meta({ description: 'Items that wait in runs that are let in' }), inLine: z.int().meta({ description: 'Items of runs that are not yet' }), itemsPerSecond: z.number().optional() });

export const showUsage = operation({
  id: 'showUsage',
  method: 'GET',
  path: '/v1/usage',
  summary: "The tenant's credits, what of it waits, and what bounds it.",
  scope: 'read',
  answers: {
    200: {
      says: 'A moment of it',
      schema: z.object({
        paysCredits: z.boolean(),
        credits: credits.optional().meta({ description: 'Missing: nobody ever gave any' }),
        waiting: places.optional().meta({ description: 'Missing: nothing ever waited under a cap' }),
        weight: z.int(),
        maxInFlight: z.int().optional(),
        maxWaitingItems: z.int().optional(),
        onFull: z.enum(['wait', 'refuse']),
      }),
    },
  },
  async handle({ caller: { tenant } }, { tenants, accounts, room }) {
    const [settings, all, account, waiting] = await Promise.all([tenants.readSettings(tenant), tenants.readSettings(ALL_TENANTS), accounts.read(tenant), room.read(tenant)]);
    const { weight, maxInFlight, maxWaitingItems, onFull } = settings;
    return {
      status: 200,
      body: {
        paysCredits: paysCredits(settings, all),
        ...(account && { credits: account }),
        ...(waiting && { waiting: countPlaces(waiting) }),
        weight,
        ...(maxInFlight !== undefined && { maxInFlight }),
        ...(maxWaitingItems !== undefined && { maxWaitingItems }),
        onFull,
      },
    };
  },
});
