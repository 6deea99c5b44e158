import { describe, expect, it } from 'vitest';
import { formatOrdinals, parseOrdinals } from '../../../shared/ordinals.ts';

describe('ordinals', () => {
  it('stand as ascending ranges', () => {
    expect(formatOrdinals([3, 7, 8, 9])).toBe('3,7-9');
    expect(formatOrdinals([])).toBe('');
    expect(parseOrdinals('3,7-9')).toEqual([3, 7, 8, 9]);
  });

  it.each(['x', '3,', '9-7', '5,5', '7-9,8', '-1', '1.5'])('refuse %j', (text) => {
    expect(() => parseOrdinals(text)).toThrow(RangeError);
  });
});
