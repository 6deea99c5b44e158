import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../shared/errors.ts';
import { formatLimit, limitOfSetting, parseLimit, type RateSetting } from '../../../shared/limit-language.ts';

describe('the language of limits', () => {
  it.each<[string, RateSetting[]]>([
    ['2 requests per second', [{ unit: 'requests', units: 2, windowMs: 1000 }]],
    ['450 requests and 450,000 tokens per minute', [{ unit: 'requests', units: 450, windowMs: 60_000 }, { unit: 'tokens', units: 450_000, windowMs: 60_000 }]],
    ['10 requests per second, burst 5', [{ unit: 'requests', units: 10, windowMs: 1000, burst: 5 }]],
    ['1 request per 5 seconds', [{ unit: 'requests', units: 1, windowMs: 5000 }]],
    ['0.5 requests/s', [{ unit: 'requests', units: 1, windowMs: 2000 }]],
    ['2.5 calls a second', [{ unit: 'requests', units: 5, windowMs: 2000 }]],
    ['1000 tokens an hour, burst 500 tokens', [{ unit: 'tokens', units: 1000, windowMs: 3_600_000, burst: 500 }]],
    ['60 requests and 9,000 tokens per minute, burst 6 requests, burst 900 tokens', [{ unit: 'requests', units: 60, windowMs: 60_000, burst: 6 }, { unit: 'tokens', units: 9000, windowMs: 60_000, burst: 900 }]],
  ])('reads "%s"', (text, settings) => {
    expect(parseLimit(text)).toEqual(settings);
  });

  it.each([
    ['fast', 'expected a limit such as'],
    ['2 per second', 'a number with "requests" or "tokens", got "2"'],
    ['2 pages per second', '"requests" or "tokens", got "2 pages"'],
    ['0 requests per second', 'expected more than 0 requests'],
    ['2 requests per second, burst 3', 'expected a burst from 1 to 2 requests'],
    ['2 requests and 3 requests per second', 'expected each unit once'],
    ['2 requests per 0 seconds', 'expected a time of at least 1 second'],
    ['2 requests per second, burst 2 tokens', 'expected a rate of tokens with a burst of tokens'],
  ])('refuses "%s" and says what it expected', (text, sentence) => {
    expect(() => parseLimit(text)).toThrow(UsageError);
    expect(() => parseLimit(text)).toThrow(sentence);
  });

  const setting = (unit: RateSetting['unit']) =>
    fc.record({ unit: fc.constant(unit), units: fc.integer({ min: 1, max: 10_000_000 }), windowMs: fc.constantFrom(1000, 2000, 60_000, 300_000, 3_600_000, 86_400_000), share: fc.option(fc.double({ min: 0, max: 1, noNaN: true })) })
      .map(({ share, ...rest }): RateSetting => (share === null ? rest : { ...rest, burst: Math.max(1, Math.floor(share * rest.units)) }));

  it('writes a sentence that it reads as the same', () => {
    fc.assert(
      fc.property(setting('requests'), setting('tokens'), (requests, tokens) => {
        expect(parseLimit(formatLimit([requests]))).toEqual([requests]);
        const both = [requests, { ...tokens, windowMs: requests.windowMs }];
        expect(parseLimit(formatLimit(both))).toEqual(both);
      }),
    );
  });

  it('makes a limit of which no window of that length holds more than was said, by clocks that differ and starts that are late', () => {
    fc.assert(
      fc.property(setting('requests'), (each) => {
        const { burst, unitUs } = limitOfSetting(each, 3000);
        const mostSeen = burst + Math.ceil((each.windowMs * 1000 + 150_000) / unitUs) - 1;
        expect(mostSeen).toBeLessThanOrEqual(each.units);
      }),
    );
  });
});
