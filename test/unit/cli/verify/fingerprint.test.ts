import { describe, expect, it } from 'vitest';
import { canonicalJson, fingerprintOf, itemChecksum } from '../../../../cli/verify/fingerprint.ts';

const TEXTS = 300_000;

/** Texts as manifests have them: alike but for a few digits. */
function* alikeTexts(): Generator<string> {
  for (let i = 0; i < TEXTS; i++) yield `https://www.host-${i % 1000}.example/articles/${Math.floor(i / 1000)}.html`;
}

describe('a fingerprint', () => {
  it('differs between texts that are alike, and each half is as good as chance', () => {
    const whole = new Set<string>();
    const halves = { high: new Set<number>(), low: new Set<number>() };
    for (const text of alikeTexts()) {
      const { high, low } = fingerprintOf(text);
      whole.add(`${high}/${low}`);
      halves.high.add(high);
      halves.low.add(low);
    }
    expect(whole.size).toBe(TEXTS);
    // n²/2 pairs meet by chance in 2^32 values: 10.5 of these, above 30 once in a million texts' choice.
    for (const half of Object.values(halves)) expect(TEXTS - half.size).toBeLessThan(30);
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
