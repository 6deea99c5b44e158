import { beforeEach, expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { createKeyCommand, keysCommand, revokeKeyCommand } from '../../../../cli/commands/keys.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import { isValidKey, type KeyRecord, parseKey } from '../../../../shared/api-keys.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

let stored: Map<string, KeyRecord>;
beforeEach(() => {
  stored = new Map();
});

function contextOf({ isJson = false, tenant = 'acme' } = {}): CommandContext & { terminal: ReturnType<typeof createFakeTerminal> } {
  const keys = { read: async (id: string) => stored.get(id), list: async (of: string) => [...stored.values()].filter((key) => key.tenant === of), write: async (record: KeyRecord) => void stored.set(record.id, record), remove: async ({ id }: { id: string }) => void stored.delete(id) };
  const startBackend = async () => ({ keys, stop: async () => undefined }) as unknown as Backend;
  return { terminal: createFakeTerminal({ isJson }), tenant, backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend, signal: new AbortController().signal };
}

it('a new key is shown once, opens what its record says, and its secret is kept nowhere', async () => {
  const context = contextOf();
  expect(await createKeyCommand('ci', { scope: [], days: '7' }, context)).toBe(0);
  const { id, secret } = parseKey(context.terminal.printed[0]!)!;
  const record = stored.get(id)!;
  expect(record).toMatchObject({ tenant: 'acme', name: 'ci', scopes: ['read', 'submit', 'manage'] });
  expect(JSON.stringify([...stored.values()])).not.toContain(secret);
  const now = context.terminal.now();
  expect(isValidKey(record, secret, now)).toBe(true);
  expect(isValidKey(record, secret, now + 7 * 86_400_000)).toBe(false);
  expect(isValidKey(record, 'x'.repeat(43), now)).toBe(false);
});

it('keys are listed without their secrets, and only those of the tenant', async () => {
  await createKeyCommand('mine', { scope: ['read'] }, contextOf());
  await createKeyCommand('theirs', { scope: ['read'] }, contextOf({ tenant: 'other' }));
  const context = contextOf({ isJson: true });
  await keysCommand(context);
  const { keys } = JSON.parse(context.terminal.printed[0]!) as { keys: object[] };
  expect(keys).toMatchObject([{ name: 'mine', scopes: ['read'] }]);
  expect(context.terminal.printed[0]).not.toContain('hash');
});

it('a key is revoked by its id, by its own tenant', async () => {
  await createKeyCommand('mine', { scope: ['read'] }, contextOf());
  const [id] = [...stored.keys()];
  await expect(revokeKeyCommand(id!, contextOf({ tenant: 'other' }))).rejects.toThrow('expected the id of a key of tenant other');
  expect(await revokeKeyCommand(id!, contextOf())).toBe(0);
  expect(stored.size).toBe(0);
});

it.each([[{ scope: ['write'] }, 'expected --scope to be one of read, submit, manage, admin, operator, got write'], [{ scope: [], days: '0' }, 'expected --days to be an integer from 1 to 3650, got 0']])('%j is refused before anything is started', async (options, reason) => {
  await expect(createKeyCommand('x', options, contextOf())).rejects.toThrow(reason);
});
