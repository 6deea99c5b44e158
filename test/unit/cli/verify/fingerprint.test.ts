import { describe, expect, it } from 'vitest';
import { canonicalJson, fingerprintOf, itemChecksum } from '../../../../cli/verify/fingerprint.ts';

const TEXTS = 200_000;

/** How many of the values an earlier one equals. */
function countRepeats(values: BigUint64Array): number {
  const sorted = values.toSorted();
  return sorted.filter((value, i) => i > 0 && value === sorted[i - 1]).length;
}

describe('a fingerprint', () => {
  it('differs between texts that are alike, and each half is as good as chance', () => {
    const [whole, highs, lows] = [new BigUint64Array(TEXTS), new BigUint64Array(TEXTS), new BigUint64Array(TEXTS)];
    for (let i = 0; i < TEXTS; i++) {
      // As manifests have them: alike but for a few digits.
      const { high, low } = fingerprintOf(`https://www.host-${i % 1000}.example/articles/${Math.floor(i / 1000)}.html`);
      highs[i] = BigInt(high);
      lows[i] = BigInt(low);
      whole[i] = (highs[i]! << 32n) | lows[i]!;
    }
    expect(countRepeats(whole)).toBe(0);
    // n²/2 pairs meet by chance in 2^32 values: 4.7 of these, above 20 once in ten million choices of texts.
    for (const half of [highs, lows]) expect(countRepeats(half)).toBeLessThan(20);
  });

  it('follows length, order and every character', () => {
    const texts = ['', '\0', '\0\0', 'a', 'aa', 'aaa', 'ab', 'ba', 'abcd', 'cdab', 'ä', '€', '😀', '\ud83d', 'a\0', '\0a'];
    expect(new Set(texts.map((text) => JSON.stringify(fingerprintOf(text)))).size).toBe(texts.length);
  });

  it('changes half of its bits when one bit of the text changes', () => {
    const flips = Array.from({ length: 200 }, (_, i) => {
      const [one, other] = [`row ${i} a`, `row ${i} c`].map(fingerprintOf);
      return bitsOf(one!.high ^ other!.high) + bitsOf(one!.low ^ other!.low);
    });
    const mean = flips.reduce((sum, count) => sum + count, 0) / flips.length;
    expect(mean).toBeGreaterThan(30);
    expect(mean).toBeLessThan(34);
  });
});

const bitsOf = (value: number): number => (value >>> 0).toString(2).replaceAll('0', '').length;

describe('canonical JSON', () => {
  it('is one text for equal values, and leaves out what is undefined', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined })).toBe('{"b":[1,{"c":"x","d":null}]}');
    expect(canonicalJson({ b: 1, a: 2 })).toBe(canonicalJson({ a: 2, b: 1 }));
  });

  it('tells an id from a part of the input', () => {
    expect(itemChecksum({ id: 'a', input: {} })).not.toBe(itemChecksum({ input: { id: 'a' } }));
    expect(itemChecksum({ id: '', input: {} })).not.toBe(itemChecksum({ input: {} }));
  });
});
