import { eachOf, type Limit, SpillwayApiError, type SpillwayClient } from '../../client/spillway-client.ts';
import { formatLimit } from '../../shared/limit-language.ts';
import type { LimitControl, LimitLine } from '../../shared/limiting/limit-control.ts';
import { NO_CREDITS } from '../../shared/tenant-admin.ts';
import type { KeyDesk, TenantDesk } from '../desks.ts';

/** What is not there is an answer, too. */
const orUndefined = async <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> =>
  answer.catch((error: unknown) => {
    if (error instanceof SpillwayApiError && error.status === 404) return undefined;
    throw error;
  });

export const createRemoteLimits = (client: SpillwayClient): LimitControl => ({
  list: async () => (await Array.fromAsync(eachOf('limits', (query) => client.listLimits(query)))).map(readLine),
  async set(changes) {
    const answers = [];
    for (const [pattern, setting] of changes) answers.push(await client.setLimit(pattern, formatLimit([setting])));
    return [...new Set(answers.flatMap(({ changed }) => changed))];
  },
  async unset(patterns) {
    let wasSet = false;
    for (const pattern of patterns) wasSet = (await orUndefined(client.unsetLimit(pattern).then(() => true))) === true || wasSet;
    return wasSet;
  },
});

const readLine = ({ pausedUntil, ...line }: Limit): LimitLine => ({ ...line, ...(pausedUntil !== undefined && { pausedUntil: Date.parse(pausedUntil) }) }) as LimitLine;

export const createRemoteTenants = (client: SpillwayClient): TenantDesk => ({
  list: async () => (await client.listTenants()).tenants as Awaited<ReturnType<TenantDesk['list']>>,
  show: async (tenant) => ({ view: (await client.showTenant(tenant)) as Awaited<ReturnType<TenantDesk['show']>>['view'], queued: [] }),
  readSettings: async (tenant) => (await client.showTenant(tenant)).settings,
  writeSettings: async (tenant, settings) => (await client.setTenant(tenant, settings)).released,
  readCredits: async (tenant) => (await client.showTenant(tenant)).credits ?? NO_CREDITS,
  async giveCredits({ tenant, amount, id }) {
    try {
      return await client.addCredits(tenant, { amount, id });
    } catch (error) {
      if (error instanceof SpillwayApiError && error.status === 409) return { change: 'too little', released: 0 };
      throw error;
    }
  },
});

const MS_PER_SECOND = 1000;

/** Of the key's own tenant. */
export const createRemoteKeys = (client: SpillwayClient): KeyDesk => ({
  owner: "the profile's tenant",
  list: async () => (await client.listKeys()).keys as Awaited<ReturnType<KeyDesk['list']>>,
  async create({ name, scopes, lifeMs }) {
    const { key: text, ...view } = await client.createKey({ name, scopes, ...(lifeMs !== undefined && { expiresInSeconds: lifeMs / MS_PER_SECOND }) });
    return { view: view as Awaited<ReturnType<KeyDesk['list']>>[number], text };
  },
  async revoke(id) {
    const known = (await client.listKeys()).keys.find((key) => key.id === id);
    return orUndefined(client.revokeKey(id).then(() => known?.name ?? id));
  },
});
