import { expect, it } from 'vitest';
import { isRefusalKey, refusalKey } from '../../../shared/refusal.ts';

it('a refusal stands beside its manifest', () => {
  expect(refusalKey('acme/noop/list.txt')).toBe('acme/noop/list.txt.refused.json');
});

it.each([['a'], ['ä'], ['😀']])('a key that leaves no room gets one that S3 takes, and that no other key gets: %s', (character) => {
  const long = (rest: string) => `acme/noop/${character.repeat(2000)}`.slice(0, Math.floor(1010 / Buffer.byteLength(character)) * character.length) + rest;
  const keys = [refusalKey(long('')), refusalKey(long('x')), refusalKey(long('y'))];
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) {
    expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
    expect(key.isWellFormed() && !key.includes('\ufffd')).toBe(true);
    expect(isRefusalKey(key)).toBe(true);
    expect(key.startsWith('acme/noop/')).toBe(true);
  }
});
