import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatOrdinals, parseOrdinals } from '../../shared/ordinals.ts';

it('ordinals come back from their text', () => {
  const ascending = fc.uniqueArray(fc.nat(300)).map((list) => list.sort((a, b) => a - b));
  fc.assert(fc.property(ascending, (ordinals) => {
    expect(parseOrdinals(formatOrdinals(ordinals))).toEqual(ordinals);
  }));
});
