import { describe, expect, it } from 'vitest';
import type { ApiCall, JsonPost, JsonPostAnswer } from '../../../../shared/api-call.ts';
import type { CallEnd, LimitUse, StartAnswer } from '../../../../shared/limiter.ts';
import { LimitedApiCaller } from '../../../../shared/limiting/api-caller.ts';

const NOW = 1_700_000_000_000;
const KEY = 'sk-secret-1';

const call: ApiCall = {
  api: 'openai',
  model: 'm1',
  path: '/chat/completions',
  body: { model: 'm1' },
  tokens: { input: 100, maxOutput: 400, kind: 'k' },
  readUsage: (body) => body['usage'] as { input: number; output: number } | undefined,
  timeoutMs: 30_000,
  signal: new AbortController().signal,
};

function scene({ answer, start, settings = {} }: { answer?: JsonPostAnswer; start?: StartAnswer; settings?: Record<string, never> | object } = {}) {
  const asked: (readonly LimitUse[])[] = [];
  const ends: [CallEnd, readonly LimitUse[] | undefined][] = [];
  const posts: JsonPost[] = [];
  const caller = new LimitedApiCaller({
    apis: { find: async (name) => (name === 'openai' ? { url: 'https://api.test/v1', key: KEY } : undefined) },
    limiter: {
      start: async (uses) => {
        asked.push(uses);
        return start ?? { kind: 'started', end: async (end, real) => void ends.push([end, real]) };
      },
      release: () => Promise.resolve(),
    },
    settings: async () => settings as Record<string, never>,
    transport: { prepare: () => Promise.resolve(undefined), post: async (request) => (posts.push(request), answer ?? response(200, { usage: { input: 90, output: 50 } })) },
    clock: () => NOW,
  });
  return { caller, asked, ends, posts };
}

const response = (status: number, body: object | string, headers: Record<string, string> = {}): JsonPostAnswer => ({ kind: 'response', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const refusal = (status: number, code: string, headers?: Record<string, string>): JsonPostAnswer => response(status, { error: { code, message: `no, ${KEY} will not do` } }, headers);

describe('a call', () => {
  it('reserves a request and its tokens, and says what it really took', async () => {
    const { caller, asked, ends, posts } = scene();
    expect(await caller.call(call, { tenant: 'acme' })).toEqual({ kind: 'answered', body: { usage: { input: 90, output: 50 } } });
    expect(asked).toEqual([[{ key: 'api:openai:m1:requests', units: 1 }, { key: 'api:openai:m1:tokens', units: 500 }]]);
    expect(ends).toEqual([[{ kind: 'answered' }, [{ key: 'api:openai:m1:tokens', units: 140 }]]]);
    expect(posts).toMatchObject([{ url: 'https://api.test/v1/chat/completions', key: KEY, timeoutMs: 30_000 }]);
  });

  it('asks for less of its most output the more often it was not used', async () => {
    const { caller, asked } = scene();
    for (let i = 0; i < 30; i++) await caller.call(call, { tenant: 'acme' });
    const units = asked.map((uses) => uses[1]!.units);
    expect(units[0]).toBe(500);
    expect(units.at(-1)).toBeLessThan(170);
    expect(units.at(-1)).toBeGreaterThanOrEqual(140);
  });

  it('is counted on every product of its limits with its tenant and group', async () => {
    const rate = { unit: 'requests', units: 9, windowMs: 1000 };
    const { caller, asked } = scene({ settings: { 'tenant:**api:openai:*:tokens': { ...rate, unit: 'tokens' }, 'group:acme/site*api:openai:m1:requests': rate, 'tenant:*': rate, 'host:*': rate } });
    await caller.call(call, { tenant: 'acme', group: 'site' });
    expect(asked[0]!.map(({ key }) => key)).toEqual(['api:openai:m1:requests', 'group:acme/site*api:openai:m1:requests', 'api:openai:m1:tokens', 'tenant:acme*api:openai:m1:tokens']);
  });

  it('that a limit holds back is not sent', async () => {
    const { caller, posts } = scene({ start: { kind: 'held', until: NOW + 9, limit: 'api:openai:m1:tokens' } });
    expect(await caller.call(call, { tenant: 'acme' })).toEqual({ kind: 'held', until: NOW + 9, limit: 'api:openai:m1:tokens' });
    expect(posts).toEqual([]);
  });

  it('that is larger than the limit ever admits fails with the figures', async () => {
    const { caller } = scene({ start: { kind: 'too large', limit: 'api:openai:m1:tokens', largest: 300 } });
    expect(await caller.call(call, { tenant: 'acme' })).toMatchObject({ kind: 'failed', error: { name: 'ApiRequestTooLargeError', message: expect.stringMatching(/at most 300 tokens.*got about 500/) } });
  });

  it('of an API that nobody configured fails and takes nothing of any limit', async () => {
    const { caller, asked } = scene();
    expect(await caller.call({ ...call, api: 'other' }, { tenant: 'acme' })).toMatchObject({ error: { name: 'ApiNotConfiguredError' } });
    expect(asked).toEqual([]);
  });
});

describe('an answer', () => {
  it.each([
    ['429 with a time', refusal(429, 'rate_limit_exceeded', { 'retry-after': '7' }), NOW + 7000, { kind: 'throttled', until: NOW + 7000 }],
    ['429 with a time of years', refusal(429, 'rate_limit_exceeded', { 'retry-after': '99999999' }), NOW + 3_600_000, { kind: 'throttled', until: NOW + 3_600_000 }],
    ['429 without one', refusal(429, 'rate_limit_exceeded'), NOW + 1000, { kind: 'throttled' }],
    ['503 with a time', refusal(503, 'overloaded', { 'retry-after': '2' }), NOW + 2000, { kind: 'throttled', until: NOW + 2000 }],
  ])('%s holds the item back and slows the limit down', async (_, answer, until, end) => {
    const { caller, ends } = scene({ answer });
    expect(await caller.call(call, { tenant: 'acme' })).toEqual({ kind: 'held', until, limit: 'api:openai:m1:requests' });
    expect(ends).toEqual([[end, undefined]]);
  });

  it('that says that its quota is used up rests the limit before the next one is refused', async () => {
    const { caller, ends } = scene({ answer: response(200, { usage: { input: 1, output: 1 } }, { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '3s' }) });
    await caller.call(call, { tenant: 'acme' });
    expect(ends[0]![0]).toEqual({ kind: 'answered', until: NOW + 3000 });
  });

  it.each([
    [refusal(401, 'invalid_api_key'), 'ApiAuthError', false, 'answered'],
    [refusal(429, 'insufficient_quota', { 'retry-after': '7' }), 'ApiQuotaError', false, 'answered'],
    [refusal(400, 'context_length_exceeded'), 'ApiRequestError', false, 'answered'],
    [refusal(500, 'server_error'), 'ApiUnavailableError', true, 'failed'],
    [refusal(503, 'server_error'), 'ApiUnavailableError', true, 'failed'],
    [response(200, '<html>'), 'ApiAnswerError', true, 'answered'],
    [{ kind: 'timed out' } as const, 'ApiTimeoutError', true, 'failed'],
    [{ kind: 'silent', reason: 'refused' } as const, 'ApiUnavailableError', true, 'failed'],
    [{ kind: 'blocked', reason: 'private' } as const, 'AddressBlockedError', false, 'failed'],
  ])('%j is %s, and never shows the key', async (answer, name, retryable, end) => {
    const { caller, ends } = scene({ answer });
    const got = await caller.call(call, { tenant: 'acme' });
    expect(got).toMatchObject({ kind: 'failed', error: { name, retryable } });
    expect(JSON.stringify(got)).not.toContain(KEY);
    expect(ends.map(([{ kind }]) => kind)).toEqual([end]);
  });
});
