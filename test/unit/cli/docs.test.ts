import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { FAULTS } from '../../../cli/verify/faults.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../../docs/cli.md'), 'utf8');
const program = createProgram({ onExit: () => undefined, signal: new AbortController().signal });

it.each(Object.entries(FAULTS))('docs/cli.md says what the fault %s means', (name, meaning) => {
  expect(text).toContain(`| \`${name}\` | ${meaning} |`);
});

it('docs/cli.md lists no fault that is gone', () => {
  const table = text.slice(text.indexOf('| fault |'));
  const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
  expect(listed.toSorted()).toEqual(Object.keys(FAULTS).toSorted());
});

it('docs/cli.md names every command and every option', () => {
  const commands = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands.map((sub) => `${command.name()} ${sub.name()}`) : [command.name()]));
  for (const name of commands) expect(text).toMatch(new RegExp(`^\\| \`${name}\\b`, 'm'));
  const options = [program, ...program.commands].flatMap((command) => command.options.map(({ flags }) => flags));
  for (const flags of options) expect(text).toContain(`\`${flags}\``);
});
