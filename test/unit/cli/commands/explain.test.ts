import { expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { explainCommand } from '../../../../cli/commands/explain.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { aRun } from '../../../support/ledger-fixtures.ts';

const RUN = `r${'a'.repeat(25)}`;

function contextOf({ tenant = 'acme', isJson = false } = {}): CommandContext & { terminal: ReturnType<typeof createFakeTerminal> } {
  const { plan: _, totals: __, ...unplanned } = aRun({ run: RUN, tenant: 'acme' });
  const backend = { ledger: { readRun: async (run: string) => (run === RUN ? unplanned : undefined) }, waitsOf: async () => [], stop: async () => undefined };
  return { terminal: createFakeTerminal({ isJson }), tenant, backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend: async () => backend as unknown as Backend, signal: new AbortController().signal };
}

it('says of an item in sentences what is known of it', async () => {
  const context = contextOf();
  expect(await explainCommand(`${RUN}.7`, context)).toBe(0);
  expect(context.terminal.printed).toEqual([`${RUN}.7  unplanned`, 'Its run is being planned.']);
});

it('prints all of it as JSON', async () => {
  const context = contextOf({ isJson: true });
  await explainCommand(`${RUN}.7`, context);
  expect(JSON.parse(context.terminal.printed[0]!)).toMatchObject({ item: { line: 7, state: 'unplanned' }, waitsFor: [] });
});

it.each([['nothing', 'acme', 'expected the id of an item'], [`${RUN}.0`, 'acme', 'expected the id of an item'], [`r${'b'.repeat(25)}.1`, 'acme', 'there is no run'], [`${RUN}.1`, 'other', 'there is no run']])('%s of %s is refused', async (item, tenant, reason) => {
  await expect(explainCommand(item, contextOf({ tenant }))).rejects.toThrow(reason);
});
