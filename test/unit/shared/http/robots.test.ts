import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRobots } from '../../../../shared/http/robots.ts';

const CASES = new URL('../../../../../shared/data/robots_google_cases.jsonl', import.meta.url);
interface Case {
  readonly t: string;
  readonly robots_latin1: string;
  readonly ua: string;
  readonly url: string;
  readonly allowed: boolean;
}

describe.skipIf(!existsSync(CASES))("Google's cases (skipped where the shared data is missing)", () => {
  const cases = existsSync(CASES) ? readFileSync(CASES, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case) : [];
  test.each(cases)('$t: $ua $url', ({ robots_latin1, ua, url, allowed }) => {
    expect(parseRobots(Buffer.from(robots_latin1, 'latin1').toString('utf8'), ua).isAllowed(url)).toBe(allowed);
  });
});

test('the crawl delay is that of the own group', () => {
  const text = 'user-agent: *\ncrawl-delay: 10\n\nuser-agent: spillway\ncrawl-delay: 2.5\ndisallow: /x';
  expect(parseRobots(text, 'Spillway').crawlDelaySeconds).toBe(2.5);
  expect(parseRobots(text, 'Other').crawlDelaySeconds).toBe(10);
  expect(parseRobots('user-agent: *\ncrawl-delay: soon', 'Other').crawlDelaySeconds).toBeUndefined();
});

test('sitemaps count wherever they stand', () => {
  const text = 'Sitemap: https://a.example/1.xml\nuser-agent: x\nsitemap: https://a.example/2.xml\ndisallow: /';
  expect(parseRobots(text, 'Spillway').sitemaps).toEqual(['https://a.example/1.xml', 'https://a.example/2.xml']);
});

test('a pattern of many stars takes no time that grows with its choices', () => {
  const rules = parseRobots(`user-agent: *\ndisallow: /${'*a'.repeat(2000)}$`, 'Spillway');
  expect(rules.isAllowed(`https://x.example/${'a'.repeat(4000)}`)).toBe(false);
  expect(rules.isAllowed(`https://x.example/${'a'.repeat(1999)}`)).toBe(true);
});
