import { describe, expect, test } from 'vitest';
import type { ApiCall, JsonTransport } from '../../shared/api-call.ts';
import { limitForKey, patternsFor } from '../../shared/limit-settings.ts';
import { parseLimit } from '../../shared/limit-language.ts';
import { tatAfterPause } from '../../shared/limit-changes.ts';
import { CLOCK_SKEW_MS, limitInForce } from '../../shared/limits.ts';
import { LimitedApiCaller } from '../../shared/limiting/api-caller.ts';
import { CallLimiter, MAX_WAIT_MS } from '../../shared/limiting/limiter.ts';
import { createRandom } from '../support/limit-schedule.ts';
import { ChatApi, type ChatRequest } from '../support/llm-api/chat-api.ts';
import { createMemoryLimitTable } from '../support/memory-limit-table.ts';
import { createVirtualTime } from '../support/virtual-time.ts';

/**
 * Twenty workers against a stand-in that counts requests and tokens over exact sliding windows, in simulated time: clocks differ, the network takes a
 * while, and every worker always has more to do.
 */
const SEED = 20_261_126;
const WORKERS = 20;
const CALLS_AT_ONCE = 4;
const MINUTE_MS = 60_000;
const NETWORK_MS = 20;
const KEY = 'api:llm:m1';

interface Figures {
  readonly answered: number;
  readonly refused: number;
  readonly tokens: number;
  /** When the API refused, when a call may come again, and when calls came. */
  readonly refusals: readonly { readonly at: number; readonly until: number }[];
  readonly arrivals: readonly number[];
  readonly binding: readonly number[];
}

interface Load {
  readonly seed?: number;
  readonly limit: string;
  readonly minutes: number;
  /** What a call announces, and what it is billed. */
  readonly call: (random: ReturnType<typeof createRandom>) => { readonly input: number; readonly maxOutput: number; readonly realInput: number; readonly realOutput: number };
  /** What the API enforces, if it is not what is configured. */
  readonly enforced?: { readonly requests: number; readonly tokens: number };
}

async function work({ seed = SEED, limit, minutes, call, enforced = { requests: 450, tokens: 450_000 } }: Load): Promise<Figures> {
  const time = createVirtualTime();
  const random = createRandom(seed);
  const table = createMemoryLimitTable();
  /** Pauses that are longer than the starts that were promised before them. */
  const binding: number[] = [];
  const watched: typeof table = {
    ...table,
    async pauseUntil(request) {
      await table.pauseUntil(request);
      const record = table.peek(request.key)!;
      if (record.tat <= tatAfterPause(limitInForce(record, request.limit), request.untilUs)) binding.push(request.untilUs / 1000);
    },
  };
  const settings = Object.fromEntries(patternsFor(KEY, parseLimit(limit)));
  const api = new ChatApi({ limits: { ...enforced, windowMs: MINUTE_MS }, answer: () => 'done', usage: ({ messages }: ChatRequest) => JSON.parse(messages[0]!.content) as { input: number; output: number } });
  const arrivals: number[] = [];
  const refusals: { at: number; until: number }[] = [];
  const transport: JsonTransport = {
    prepare: () => Promise.resolve(undefined),
    async post({ body }) {
      await time.sleep(random.below(NETWORK_MS));
      arrivals.push(time.clock());
      const { status, headers, body: answer } = api.handle(JSON.parse(body) as ChatRequest, undefined, time.clock());
      if (status === 429) refusals.push({ at: time.clock(), until: time.clock() + Number(headers['retry-after-ms']) });
      await time.sleep(status === 429 ? random.below(NETWORK_MS) : 1000 + random.below(3000));
      return { kind: 'response', status, headers, body: JSON.stringify(answer) };
    },
  };
  const clock = (): number => time.clock() + random.below(CLOCK_SKEW_MS + 1) - CLOCK_SKEW_MS / 2;
  const callers = Array.from({ length: WORKERS }, (_, i) => {
    const limiter = new CallLimiter({ table: watched, owner: `w${i}`, limitOf: async (key) => limitForKey(key, settings, { maxWaitMs: MAX_WAIT_MS, hostRequestsPerSecond: 2 }), clock, sleep: time.sleep });
    return new LimitedApiCaller({ apis: { find: async () => ({ url: 'http://llm.test/v1' }) }, limiter, settings: async () => settings, transport, clock });
  });
  const until = time.clock() + minutes * MINUTE_MS;
  let working = WORKERS * CALLS_AT_ONCE;
  const keepCalling = async (caller: LimitedApiCaller): Promise<void> => {
    while (time.clock() < until) {
      const { input, maxOutput, realInput, realOutput } = call(random);
      const request: ApiCall = { api: 'llm', model: 'm1', path: '/chat/completions', body: { messages: [{ role: 'user', content: JSON.stringify({ input: realInput, output: realOutput }) }] }, tokens: { input, maxOutput, kind: 'post' }, readUsage: readUsage, timeoutMs: 60_000, signal: new AbortController().signal };
      const answer = await caller.call(request, { tenant: 'acme' });
      if (answer.kind === 'failed') throw new Error(answer.error.message);
      if (answer.kind === 'held') await time.sleep(answer.until - time.clock() + random.below(50));
    }
  };
  const all = Promise.all(callers.flatMap((caller) => Array.from({ length: CALLS_AT_ONCE }, () => keepCalling(caller).finally(() => working--))));
  all.catch(() => (working = 0));
  await time.run(() => working === 0);
  await all;
  return { ...api.counts, refusals, arrivals, binding };
}

const readUsage: ApiCall['readUsage'] = (body) => {
  const { prompt_tokens: input, completion_tokens: output } = body['usage'] as { prompt_tokens: number; completion_tokens: number };
  return { input, output };
};

/** Tokens are what is short: 250 calls a minute of 1,800 each. */
const posts = (factor: number, inputFactor = 1): Load['call'] => (random) => {
  const [realInput, realOutput] = [400 + random.below(400), 800 + random.below(800)];
  return { realInput, realOutput, input: Math.round(realInput * inputFactor), maxOutput: Math.round(realOutput * factor) };
};

const CONFIGURED = '450 requests and 450,000 tokens per minute, burst 9 requests, burst 13,500 tokens';
const MINUTES = 5;

describe('450 requests and 450,000 tokens a minute, shared by twenty workers', () => {
  test('are never exceeded, and at least 95 % of the tokens are used, when estimates are exact', async () => {
    const { refused, tokens } = await work({ limit: CONFIGURED, minutes: MINUTES, call: posts(1) });
    expect(refused).toBe(0);
    expect(tokens / (450_000 * MINUTES)).toBeGreaterThanOrEqual(0.95);
  });

  test('are never exceeded, and at least 95 % of the requests are used, when calls are small', async () => {
    const { refused, answered } = await work({ limit: CONFIGURED, minutes: MINUTES, call: () => ({ input: 100, maxOutput: 200, realInput: 100, realOutput: 200 }) });
    expect(refused).toBe(0);
    expect(answered / (450 * MINUTES)).toBeGreaterThanOrEqual(0.95);
  });

  test('are never exceeded, and at least 85 % of the tokens are used, when calls announce twice what they take', async () => {
    const { refused, tokens } = await work({ limit: CONFIGURED, minutes: MINUTES, call: posts(2, 2) });
    expect(refused).toBe(0);
    expect(tokens / (450_000 * MINUTES)).toBeGreaterThanOrEqual(0.85);
  });

  test('are used by at least 85 % when prompts take twice what was counted', async () => {
    const { refused, answered, tokens } = await work({ limit: CONFIGURED, minutes: MINUTES, call: posts(1, 0.5) });
    expect(tokens / (450_000 * MINUTES)).toBeGreaterThanOrEqual(0.85);
    expect(refused / answered).toBeLessThan(0.02);
  });
});

/** What had started before the refusal was known may still arrive. */
const KNOWN_AFTER_MS = 2 * NETWORK_MS + CLOCK_SKEW_MS;

test('after a 429 no call comes before its Retry-After, and one comes within 250 ms of it, if the starts promised before are over by then', async () => {
  const delays: number[] = [];
  for (const seed of [1, 2]) {
    const { refusals, arrivals, binding } = await work({ seed, limit: CONFIGURED, minutes: 30, call: posts(1), enforced: { requests: 450, tokens: 150_000 } });
    const pauses = mergePauses(refusals);
    const early = pauses.flatMap(({ at, until }) => arrivals.filter((arrival) => arrival > at + KNOWN_AFTER_MS && arrival < until - CLOCK_SKEW_MS));
    expect(early).toEqual([]);
    const firstAfter = (until: number): number => Math.min(...arrivals.filter((arrival) => arrival >= until - CLOCK_SKEW_MS)) - until;
    delays.push(...pauses.filter(({ until }) => binding.some((each) => Math.abs(each - until) <= CLOCK_SKEW_MS)).map(({ until }) => firstAfter(until)));
  }
  const sorted = delays.filter(Number.isFinite).toSorted((a, b) => a - b);
  expect(sorted.length).toBeGreaterThan(25);
  expect(sorted[Math.ceil(0.99 * sorted.length) - 1]).toBeLessThanOrEqual(250);
});

/** Refusals of calls that were on their way together are one pause. */
function mergePauses(refusals: Figures['refusals']): { readonly at: number; readonly until: number }[] {
  const merged: { at: number; until: number }[] = [];
  for (const { at, until } of refusals) {
    const last = merged.at(-1);
    if (last && at <= last.until) last.until = Math.max(last.until, until);
    else merged.push({ at, until });
  }
  return merged;
}
