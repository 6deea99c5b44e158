import type { PaceStore, TenantStore } from '../../shared/ports.ts';
import { DEFAULT_TENANT_SETTINGS } from '../../shared/tenant-settings.ts';

/** Ports of a stack whose tenants have no settings and no history. */
export const UNKNOWN_TENANTS: { readonly tenants: Pick<TenantStore, 'readSettings'>; readonly paces: PaceStore; readonly letIn: () => Promise<'in'> } = {
  tenants: { readSettings: () => Promise.resolve(DEFAULT_TENANT_SETTINGS) },
  paces: { readPace: () => Promise.resolve(undefined), writePace: () => Promise.resolve() },
  letIn: () => Promise.resolve('in'),
};
