import { expect, it } from 'vitest';
import { describeFinding, judgeNode, judgeNpm } from '../../../../cli/commands/doctor.ts';

it.each([['20.20.0', false], ['22.18.9', false], ['22.19.0', true], ['24.0.0', true]])('Node.js %s: %s', (version, isWell) => {
  expect(judgeNode(version).isWell).toBe(isWell);
});

it.each([['10.9.2', false], ['11.0.0', true], ['12.1.0', true]])('npm %s: %s', (version, isWell) => {
  expect(judgeNpm(version).isWell).toBe(isWell);
});

it('what is not well has its remedy in the next line', () => {
  expect(describeFinding(judgeNpm('9.0.0')).join('\n')).toMatch(/^BAD {2}npm.*9\.0\.0\n.*install npm 11 or 12/);
});
