import { randomBytes } from 'node:crypto';
import { createKey, type KeyStore, type Scope, SCOPES } from '../../shared/api-keys.ts';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createKeyStore } from '../../shared/aws/key-table.ts';
import type { Target } from './targets/target.ts';

/** The keys of a target's stack, as its owner reaches them. */
export const keysOf = ({ endpoint, region, credentials, outputs }: Target): KeyStore => createKeyStore(createDynamo({ endpoint, region, credentials }), outputs['TenantsTable']!);

/** @returns the key's text */
export async function makeKey(target: Target, tenant: string, scopes: readonly Scope[] = SCOPES): Promise<string> {
  const { record, text } = createKey({ tenant, scopes, name: 'test', createdAt: Date.now() }, randomBytes);
  await keysOf(target).write(record);
  return text;
}
