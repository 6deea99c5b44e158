import { expect, it } from 'vitest';
import { exhaustedUntil, retryAfterOf } from '../../../../shared/limiting/throttle-headers.ts';

const NOW = Date.UTC(2026, 0, 1);

it.each<[string, Record<string, string>, number | undefined]>([
  ['seconds', { 'retry-after': '120' }, 120_000],
  ['an HTTP date', { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
  ['a date that is over', { 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  ['milliseconds, before seconds', { 'retry-after-ms': '250', 'retry-after': '1' }, 250],
  ['nothing that can be read', { 'retry-after': 'soon' }, undefined],
  ['nothing', {}, undefined],
  ['an hour, if it is longer', { 'retry-after': '86400' }, 3_600_000],
  ['an hour, if its date is later', { 'retry-after': 'Thu, 01 Jan 2032 00:00:00 GMT' }, 3_600_000],
  ['the reset of a quota that is used up', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '6m0s' }, 360_000],
])('Retry-After is read as %s', (_, headers, after) => {
  expect(retryAfterOf(headers, NOW)).toBe(after === undefined ? undefined : NOW + after);
});

it.each<[string, Record<string, string>, number | undefined]>([
  ['OpenAI, the later of two', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '20ms', 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '1m1.5s' }, 61_500],
  ['OpenAI, of one quota', { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '20ms', 'x-ratelimit-remaining-tokens': '5', 'x-ratelimit-reset-tokens': '6m0s' }, 20],
  ['GitHub', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW / 1000 + 90) }, 90_000],
  ['seconds from now', { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }, 30_000],
  ['IETF', { ratelimit: '"burst";r=4;t=1, "daily";r=0;t=50' }, 50_000],
  ['an older IETF draft', { ratelimit: 'limit=100, remaining=0, reset=15' }, 15_000],
  ['an hour, if it is longer', { 'ratelimit-remaining': '0', 'ratelimit-reset': '86400' }, 3_600_000],
  ['something left', { 'x-ratelimit-remaining': '1', 'x-ratelimit-reset': String(NOW / 1000 + 90) }, undefined],
  ['no time', { 'x-ratelimit-remaining': '0' }, undefined],
  ['no number', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'later' }, undefined],
])('a quota that is used up is filled when its header says: %s', (_, headers, after) => {
  expect(exhaustedUntil(headers, NOW)).toBe(after === undefined ? undefined : NOW + after);
});
