import { describe, expect, test } from 'vitest';
import { EqualityTable } from '../../../../shared/manifest/equality-table.ts';

describe('the first line of every key', () => {
  test('is what a Map would remember, also after its segments grew many times', () => {
    const table = new EqualityTable();
    const oracle = new Map<string, number>();
    const wrong: number[] = [];
    let state = 42;
    for (let line = 1; line <= 200_000; line++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const key = `https://example.com/${(state >>> 8) % 120_000}`;
      const earlier = oracle.get(key);
      if (earlier === undefined) oracle.set(key, line);
      if (table.firstLineOf(key, line) !== earlier) wrong.push(line);
    }
    expect(wrong).toEqual([]);
    expect(table.size).toBe(oracle.size);
  });

  test('keeps lines up to 2^32 - 1 and the empty key', () => {
    const table = new EqualityTable();
    expect(table.firstLineOf('', 4_294_967_295)).toBeUndefined();
    expect(table.firstLineOf('', 5)).toBe(4_294_967_295);
  });

  test('keeps halves of characters apart, which UTF-8 can not', () => {
    const table = new EqualityTable();
    const keys = ['\ud800', '\ud801', '\udc00', '\ufffd', 'a\ud800', '\ud800a', '😀', '\ude00\ud83d'];
    expect(keys.map((key, i) => table.firstLineOf(key, i + 1))).toEqual(keys.map(() => undefined));
    expect(keys.map((key) => table.firstLineOf(key, 99))).toEqual(keys.map((_, i) => i + 1));
  });
});
