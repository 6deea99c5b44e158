import { z } from 'zod';
import { type KeyRecord, OPERATOR_SCOPE, SCOPES, viewKey } from '../../../shared/api-keys.ts';
import { type Caller, operation } from '../operation.ts';
import type { ApiPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { keySchema, newKeySchema } from '../schemas.ts';

const DAY_SECONDS = 86_400;
const keyParams = z.object({ id: z.string().regex(/^[\w-]{12}$/) });

/** An operator's key opens more than its tenant: only such a one may touch it. @throws Problem 404, also for another tenant's; 403 */
async function findKey(id: string, { tenant, scopes }: Caller, { keys }: ApiPorts): Promise<KeyRecord> {
  const record = await keys.read(id);
  if (!record || record.tenant !== tenant) throw new Problem(404, `there is no key ${id}`);
  if (record.scopes.includes(OPERATOR_SCOPE) && !scopes.includes(OPERATOR_SCOPE)) throw new Problem(403, `expected a key with the scope ${OPERATOR_SCOPE}: ${id} has it`);
  return record;
}

export const createKey = operation({
  id: 'createKey',
  method: 'POST',
  path: '/v1/keys',
  summary: 'Makes a key of the same tenant. It is shown this once.',
  scope: 'admin',
  body: z.strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
    expiresInSeconds: z.int().min(60).max(3650 * DAY_SECONDS).optional().meta({ description: 'Without it the key does not end by itself' }),
  }),
  answers: { 201: { says: 'The key', schema: newKeySchema } },
  leadsTo: { rotateKey: { id: 'id' }, revokeKey: { id: 'id' } },
  problems: [415],
  async handle({ body, caller }, ports) {
    const now = ports.clock();
    const { record, text } = ports.newKey({ tenant: caller.tenant, name: body.name, scopes: [...new Set(body.scopes)], createdAt: now, ...(body.expiresInSeconds !== undefined && { expiresAt: now + 1000 * body.expiresInSeconds }) });
    await ports.keys.write(record);
    return { status: 201, body: { ...viewKey(record), key: text } };
  },
});

export const listKeys = operation({
  id: 'listKeys',
  method: 'GET',
  path: '/v1/keys',
  summary: "The tenant's keys, without their secrets.",
  scope: 'admin',
  answers: { 200: { says: 'All of them', schema: z.object({ keys: z.array(keySchema) }) } },
  handle: async ({ caller }, { keys }) => ({ status: 200, body: { keys: (await keys.list(caller.tenant)).map(viewKey) } }),
});

export const rotateKey = operation({
  id: 'rotateKey',
  method: 'POST',
  path: '/v1/keys/{id}/rotate',
  summary: 'Makes a key that may do the same; the old one goes on for a while.',
  scope: 'admin',
  params: keyParams,
  body: z.strictObject({ overlapSeconds: z.int().min(0).max(30 * DAY_SECONDS).default(DAY_SECONDS) }),
  answers: { 201: { says: 'The new key', schema: newKeySchema } },
  problems: [404, 415],
  async handle({ params, body, caller }, ports) {
    const old = await findKey(params.id, caller, ports);
    const now = ports.clock();
    const { record, text } = ports.newKey({ tenant: old.tenant, name: old.name, scopes: old.scopes, createdAt: now });
    await ports.keys.write(record);
    await ports.keys.write({ ...old, expiresAt: Math.min(old.expiresAt ?? Infinity, now + 1000 * body.overlapSeconds) });
    return { status: 201, body: { ...viewKey(record), key: text } };
  },
});

export const revokeKey = operation({
  id: 'revokeKey',
  method: 'DELETE',
  path: '/v1/keys/{id}',
  summary: 'Ends a key at once.',
  scope: 'admin',
  params: keyParams,
  answers: { 204: { says: 'It opens nothing any more' } },
  problems: [404],
  async handle({ params, caller }, ports) {
    await ports.keys.remove(await findKey(params.id, caller, ports));
    return { status: 204 };
  },
});
