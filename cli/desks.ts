import { randomBytes } from 'node:crypto';
import { createKey, type KeyRecord, type KeyStore, type KeyView, type Scope, viewKey } from '../shared/api-keys.ts';
import type { QueueDescription } from '../shared/describe-queue.ts';
import type { CreditAccount } from '../shared/ports.ts';
import type { RunRecord } from '../shared/records.ts';
import { changeSettings, giveCredits, NO_CREDITS, type TenantAdmin } from '../shared/tenant-admin.ts';
import type { TenantSettings } from '../shared/tenant-settings.ts';
import { type TenantView, viewTenant, viewTenants } from '../shared/view-tenant.ts';

/** What the commands do to tenants: on the stack's own tables here, over the API of a profile in `remote/remote-desks.ts`. */
export interface TenantDesk {
  list(): Promise<readonly TenantView[]>;
  /** With its runs that wait to be let in, where they can be read. */
  show(tenant: string): Promise<{ readonly view: TenantView; readonly queued: readonly RunRecord[] }>;
  readSettings(tenant: string): Promise<TenantSettings>;
  /** @returns how many waiting runs go on */
  writeSettings(tenant: string, settings: TenantSettings): Promise<number>;
  readCredits(tenant: string): Promise<CreditAccount>;
  /** Counts once for each `id`. */
  giveCredits(request: { readonly tenant: string; readonly amount: number; readonly id: string }): Promise<{ readonly change: 'added' | 'seen' | 'too little'; readonly released: number }>;
}

export interface OwnedKeyView extends KeyView {
  /** Undefined: that of the profile's key. */
  readonly tenant?: string;
}

export interface KeyDesk {
  /** Whose keys they are, for people. */
  readonly owner: string;
  list(): Promise<readonly OwnedKeyView[]>;
  /** @param lifeMs undefined: it does not end by itself */
  create(of: { readonly name: string; readonly scopes: readonly Scope[]; readonly lifeMs: number | undefined }): Promise<{ readonly view: OwnedKeyView; readonly text: string }>;
  /** @returns its name; undefined: there is no such key */
  revoke(id: string): Promise<string | undefined>;
}

export const createTenantDesk = ({ tenants, describeQueue }: { readonly tenants: TenantAdmin; readonly describeQueue: () => Promise<QueueDescription> }): TenantDesk => ({
  list: async () => viewTenants(tenants, await describeQueue()),
  async show(tenant) {
    const [runs, queue] = await Promise.all([tenants.openRuns(), describeQueue()]);
    return { view: await viewTenant(tenant, tenants, { runs, queue }), queued: runs.filter((run) => run.tenant === tenant && run.queued) };
  },
  readSettings: (tenant) => tenants.settings.readSettings(tenant),
  writeSettings: (tenant, settings) => changeSettings(tenants, tenant, settings),
  readCredits: async (tenant) => (await tenants.accounts.read(tenant)) ?? NO_CREDITS,
  giveCredits: (request) => giveCredits(tenants, request),
});

export const createKeyDesk = (keys: KeyStore, { tenant, now }: { readonly tenant: string; readonly now: () => number }): KeyDesk => ({
  owner: `tenant ${tenant}`,
  list: async () => (await keys.list(tenant)).map(view),
  async create({ name, scopes, lifeMs }) {
    const createdAt = now();
    const { record, text } = createKey({ tenant, scopes, name, createdAt, ...(lifeMs !== undefined && { expiresAt: createdAt + lifeMs }) }, randomBytes);
    await keys.write(record);
    return { view: view(record), text };
  },
  async revoke(id) {
    const record = await keys.read(id);
    if (!record || record.tenant !== tenant) return undefined;
    await keys.remove(record);
    return record.name;
  },
});

const view = (record: KeyRecord): OwnedKeyView => ({ ...viewKey(record), tenant: record.tenant });
