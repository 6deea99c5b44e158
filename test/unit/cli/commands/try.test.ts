import { describe, expect, it } from 'vitest';
import { tryCommand } from '../../../../cli/commands/try.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

const options = { option: [], allowedNetworks: [] };
const { signal } = new AbortController();

describe('spillway try', () => {
  it('runs one item and shows its output', async () => {
    const terminal = createFakeTerminal({ isJson: true });
    expect(await tryCommand('noop', 'hello', options, { terminal, signal })).toBe(0);
    expect(JSON.parse(terminal.printed[0]!)).toMatchObject({ verdict: 'succeeded', output: {} });
  });

  it("loads a processor from its author's file", async () => {
    const terminal = createFakeTerminal();
    expect(await tryCommand('processors/noop/processor.ts', '{"value":"x"}', options, { terminal, signal })).toBe(0);
    expect(terminal.printed[0]).toMatch(/^succeeded in/);
  });

  it.each([
    ['nope', 'x', /expected a processor/],
    ['./gone/processor.ts', 'x', /there is nothing at/],
    ['shared/names.ts', 'x', /to export a processor/],
    ['noop', '{broken', /expected the item to be JSON/],
  ])('refuses %s %s', async (name, item, message) => {
    await expect(tryCommand(name, item, options, { terminal: createFakeTerminal(), signal })).rejects.toThrow(message);
  });
});
