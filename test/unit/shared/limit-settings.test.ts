import { describe, expect, it } from 'vitest';
import type { RateSetting } from '../../../shared/limit-language.ts';
import { parseLimit } from '../../../shared/limit-language.ts';
import { findSetting, keysOf, limitForKey, patternsFor } from '../../../shared/limit-settings.ts';

const rate = (units: number): RateSetting => ({ unit: 'requests', units, windowMs: 1000 });
const SETTINGS = {
  'host:*': rate(3),
  'host:slow.example': rate(1),
  'domain:example.com': rate(5),
  'domain:shop.example.com': rate(6),
  'tenant:acme': rate(9),
  'group:acme/site': rate(8),
  'tenant:**host:*': rate(7),
  'api:openai:*:requests': rate(4),
  'api:openai:gpt-4o:requests': rate(2),
};

describe('which limits there are', () => {
  it.each([
    ['host:slow.example', 1],
    ['host:other.example:8080', 3],
    ['api:openai:gpt-4o:requests', 2],
    ['api:openai:gpt-5:requests', 4],
    ['tenant:acme*host:a.example', 7],
  ])('%s has the setting of the most exact pattern', (key, units) => {
    expect(findSetting(key, SETTINGS)?.units).toBe(units);
  });

  it('a key that no pattern fits has none, but a host and the requests of an API have defaults', () => {
    const defaults = { maxWaitMs: 3000, hostRequestsPerSecond: 2 };
    expect(limitForKey('api:mistral:large:requests', {}, defaults)).toMatchObject({ burst: 12 });
    expect(limitForKey('api:mistral:large:tokens', {}, defaults)).toBeUndefined();
    expect(limitForKey('tenant:zeta', SETTINGS, defaults)).toBeUndefined();
    expect(limitForKey('host:a.example', {}, defaults)).toMatchObject({ unitUs: 575_000, burst: 1 });
  });

  it('a request is counted on every key that the settings name, of domains on the longest', () => {
    expect(keysOf({ host: 'a.shop.example.com', tenant: 'acme', group: 'site' }, SETTINGS).toSorted()).toEqual(
      ['domain:shop.example.com', 'group:acme/site', 'host:a.shop.example.com', 'tenant:acme', 'tenant:acme*host:a.shop.example.com'].toSorted(),
    );
    expect(keysOf({ host: 'myexample.com:8080' }, { 'domain:example.com': rate(1) })).toEqual([]);
  });
});

describe('what people give as a key', () => {
  it('is an api for both of its units, or one thing that counts requests', () => {
    const both = parseLimit('450 requests and 450,000 tokens per minute');
    expect(patternsFor('api:openai:gpt-4o', both).map(([pattern]) => pattern)).toEqual(['api:openai:gpt-4o:requests', 'api:openai:gpt-4o:tokens']);
    expect(patternsFor('tenant:acme*host:*', parseLimit('2 requests per second')).map(([pattern]) => pattern)).toEqual(['tenant:acme*host:*']);
  });

  it.each(['example.com', 'hosts:a', 'host:', 'host:a b', ''])('%j is refused with what was expected', (key) => {
    expect(() => patternsFor(key, [rate(1)])).toThrow('expected a key such as');
  });

  it('counts tokens only where an api has them', () => {
    expect(() => patternsFor('host:a.example', parseLimit('5 tokens per second'))).toThrow('expected requests');
    expect(() => patternsFor('api:x:y:tokens', parseLimit('5 requests per second'))).toThrow('expected a rate of tokens');
  });
});
