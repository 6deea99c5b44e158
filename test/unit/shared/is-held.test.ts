import { expect, it } from 'vitest';
import { isHeld } from '../../../shared/is-held.ts';

it.each([
  ['an open run', { state: 'open' }, false],
  ['a paused run', { state: 'open', paused: true }, true],
  ['a run that waits to be let in', { state: 'open', queued: { reason: 'credits', since: '2026-01-01T00:00:00Z', needs: 10, has: 3 } }, true],
  ['a run that is being stopped', { state: 'stopping' }, true],
  ['a run that has ended', { state: 'finished' }, true],
] as const)('%s is held or not, as its record says', (_, run, held) => {
  expect(isHeld(run)).toBe(held);
});
