import { describe, expect, it } from 'vitest';
import type { LimitUse, StartAnswer, StartedCall } from '../../../../shared/limiter.ts';
import { type RateSetting, limitOfSetting } from '../../../../shared/limit-language.ts';
import { CallLimiter, MAX_WAIT_MS } from '../../../../shared/limiting/limiter.ts';
import { FAILURES_TO_OPEN, STEP_EVERY_MS } from '../../../../shared/limiting/pace.ts';
import { createMemoryLimitTable } from '../../../support/memory-limit-table.ts';
import { createVirtualTime } from '../../../support/virtual-time.ts';

const REQUESTS = 'api:x:requests';
const TOKENS = 'api:x:tokens';
const SETTINGS: Record<string, RateSetting> = {
  [REQUESTS]: { unit: 'requests', units: 10, windowMs: 1000, burst: 2 },
  [TOKENS]: { unit: 'tokens', units: 10_000, windowMs: 1000, burst: 2000 },
};

/** Workers that share a table, in a time of their own. */
function world(settings = SETTINGS) {
  const time = createVirtualTime();
  const table = createMemoryLimitTable();
  let workers = 0;
  const newLimiter = () =>
    new CallLimiter({ table, owner: `w${workers++}`, limitOf: async (key) => (settings[key] ? limitOfSetting(settings[key], MAX_WAIT_MS) : undefined), clock: time.clock, sleep: time.sleep });
  const limiter = newLimiter();
  const ask = (uses: readonly LimitUse[] = [{ key: REQUESTS, units: 1 }], by = limiter) => by.start(uses, new AbortController().signal);
  /** Lets time pass until it is answered. */
  async function answerOf<T>(asked: Promise<T>): Promise<T> {
    let isDone = false;
    void asked.finally(() => (isDone = true)).catch(() => undefined);
    await time.run(() => isDone);
    return asked;
  }
  const pass = (ms: number) => answerOf(time.sleep(ms));
  const started = async (asked: Promise<StartAnswer>): Promise<StartedCall> => {
    const answer = await answerOf(asked);
    if (answer.kind !== 'started') throw new Error(`expected a start, got ${JSON.stringify(answer)}`);
    return answer;
  };
  return { time, table, limiter, newLimiter, ask, answerOf, pass, started };
}

describe('a call under limits', () => {
  it('starts at once where nothing is limited, and costs no write', async () => {
    const { ask, table, answerOf } = world();
    expect(await answerOf(ask([{ key: 'api:unknown:requests', units: 1 }]))).toMatchObject({ kind: 'started' });
    expect(table.writes).toEqual({});
  });

  it('waits a few seconds at most, and is held by the limit that refuses it until it may come again', async () => {
    const { ask, answerOf, time } = world({ [REQUESTS]: { unit: 'requests', units: 1, windowMs: 2000, burst: 1 } });
    const began = time.clock();
    const answers = await answerOf(Promise.all([1, 2, 3, 4].map(() => ask())));
    expect(answers.map(({ kind }) => kind)).toEqual(['started', 'started', 'held', 'held']);
    expect(time.clock() - began).toBeLessThanOrEqual(MAX_WAIT_MS);
    const held = answers[2]!;
    expect(held).toMatchObject({ kind: 'held', limit: REQUESTS });
    if (held.kind === 'held') await answerOf(time.sleep(held.until - time.clock()));
    expect(await answerOf(ask())).toMatchObject({ kind: 'started' });
  });

  it('that asks for more than may ever start at once is too large, whoever waits', async () => {
    const { ask, answerOf, table } = world();
    expect(await answerOf(ask([{ key: REQUESTS, units: 1 }, { key: TOKENS, units: 1001 }]))).toEqual({ kind: 'too large', limit: TOKENS, largest: 1000 });
    expect(table.writes).toEqual({});
  });

  it('takes no unit of any key if one of them refuses', async () => {
    const { ask, answerOf, table } = world({ ...SETTINGS, [TOKENS]: { unit: 'tokens', units: 100, windowMs: 60_000, burst: 100 } });
    const uses = [{ key: REQUESTS, units: 1 }, { key: TOKENS, units: 50 }];
    await answerOf(Promise.all([ask(uses), ask(uses)]));
    const before = table.peek(REQUESTS)!.tat;
    expect(await answerOf(ask(uses))).toMatchObject({ kind: 'held', limit: TOKENS });
    expect(table.peek(REQUESTS)!.tat).toBe(before);
  });

  it('waits with others of its key under one write', async () => {
    const { ask, answerOf, table } = world({ [REQUESTS]: { unit: 'requests', units: 100, windowMs: 1000, burst: 50 } });
    await answerOf(Promise.all(Array.from({ length: 20 }, () => ask())));
    expect(table.writes['reserve']).toBeLessThanOrEqual(2);
  });

  it('reserves with itself the calls that are said to follow: one write for many, and what is not used goes back', async () => {
    const { ask, table, answerOf, started, time, limiter } = world({ [REQUESTS]: { unit: 'requests', units: 10, windowMs: 1000, burst: 1 } });
    const starts: number[] = [];
    for (let left = 15; left > 0; left--) {
      await started(ask([{ key: REQUESTS, units: 1, ahead: left - 1 }]));
      starts.push(time.clock());
    }
    expect(table.writes['reserve']).toBeLessThanOrEqual(4);
    const gaps = starts.slice(1).map((at, i) => at - starts[i]!);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(114);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(117);
    await started(ask([{ key: REQUESTS, units: 1, ahead: 8 }]));
    const before = table.peek(REQUESTS)!.tat;
    await answerOf(limiter.release());
    expect(table.peek(REQUESTS)!.tat).toBeLessThan(before);
  });

  it('never begins at a start that was reserved ahead and is over', async () => {
    const { ask, started, pass, time } = world({ [REQUESTS]: { unit: 'requests', units: 10, windowMs: 1000, burst: 1 } });
    await started(ask([{ key: REQUESTS, units: 1, ahead: 5 }]));
    const first = time.clock();
    // 115 is over for good, 230 is to come.
    await pass(200);
    await started(ask());
    expect(time.clock() - first).toBeGreaterThanOrEqual(230);
    expect(time.clock() - first).toBeLessThanOrEqual(232);
  });

  it('that its caller gives up while it waits takes nothing', async () => {
    const { newLimiter, time, answerOf, ask } = world({ [REQUESTS]: { unit: 'requests', units: 1, windowMs: 2000, burst: 1 } });
    await answerOf(ask());
    const cancel = new AbortController();
    const asked = newLimiter().start([{ key: REQUESTS, units: 1 }], cancel.signal);
    void time.sleep(10).then(() => cancel.abort(new Error('enough')));
    await expect(answerOf(asked)).rejects.toThrow('enough');
    expect(await answerOf(ask())).toMatchObject({ kind: 'started' });
  });

  it('is charged what it really used: more is a debt, less is given back', async () => {
    const { ask, started, table } = world();
    const uses = [{ key: REQUESTS, units: 1 }, { key: TOKENS, units: 500 }];
    const tat = () => table.peek(TOKENS)!.tat;
    const call = await started(ask(uses));
    const [reserved, unitUs] = [tat(), limitOfSetting(SETTINGS[TOKENS]!, 0).unitUs];
    await call.end({ kind: 'answered' }, [{ key: TOKENS, units: 200 }]);
    expect(tat()).toBe(reserved - 300 * unitUs);
    const other = await started(ask(uses));
    const again = tat();
    await other.end({ kind: 'answered' }, [{ key: TOKENS, units: 800 }]);
    expect(tat()).toBe(again + 300 * unitUs);
  });
});

describe('a throttle of the other side', () => {
  it('holds every call until its Retry-After, and halves the rate once for all calls of that rate', async () => {
    const { ask, started, answerOf, time, table } = world();
    const calls = [await started(ask()), await started(ask())];
    const until = time.clock() + 20_000;
    for (const call of calls) await call.end({ kind: 'throttled', until });
    expect(await answerOf(ask())).toMatchObject({ kind: 'held', limit: REQUESTS });
    const { t, t0 } = table.peek(REQUESTS)!;
    expect(t! / t0!).toBe(2);
    await answerOf(time.sleep(until - time.clock() - 1000));
    await answerOf(ask());
    expect(time.clock()).toBeGreaterThanOrEqual(until);
  });

  it('without a Retry-After pauses twice as long as the one before', async () => {
    const { ask, started, time, table, pass } = world();
    const pauses: number[] = [];
    for (let i = 0; i < 4; i++) {
      const call = await started(ask());
      await call.end({ kind: 'throttled' });
      pauses.push(Math.round((table.peek(REQUESTS)!.pause! / 1000 - time.clock()) / 1000));
      await pass(pauses.at(-1)! * 1000);
    }
    expect(pauses).toEqual([1, 2, 4, 8]);
  });

  it('is forgotten step by step, from the end of its pause on: the rate comes back to what is configured, and not above', async () => {
    const { ask, started, pass, table } = world();
    await (await started(ask())).end({ kind: 'throttled' });
    const rates: number[] = [];
    for (let i = 0; i < 8; i++) {
      await pass(STEP_EVERY_MS);
      await (await started(ask())).end({ kind: 'answered' });
      const { t, t0 } = table.peek(REQUESTS)!;
      rates.push(Math.round((100 * t0!) / t!));
    }
    expect(rates).toEqual([50, 60, 70, 80, 90, 100, 100, 100]);
    expect(table.peek(REQUESTS)!.t).toBe(limitOfSetting(SETTINGS[REQUESTS]!, 0).unitUs);
  });
});

describe('a circuit breaker', () => {
  async function open(scene: ReturnType<typeof world>) {
    for (let i = 0; i < FAILURES_TO_OPEN; i++) await (await scene.started(scene.ask())).end({ kind: 'failed' });
  }

  it('opens on failures in a row, for longer each time; an answer in between starts the count anew', async () => {
    const scene = world();
    for (let i = 0; i < FAILURES_TO_OPEN - 1; i++) await (await scene.started(scene.ask())).end({ kind: 'failed' });
    await (await scene.started(scene.ask())).end({ kind: 'answered' });
    await open(scene);
    const cools: number[] = [];
    for (let i = 0; i < 3; i++) {
      cools.push(Math.round((scene.table.peek(REQUESTS)!.breakerUntil! - scene.time.clock()) / 1000));
      expect(await scene.answerOf(scene.ask())).toMatchObject({ kind: 'held', limit: REQUESTS });
      await scene.pass(cools.at(-1)! * 1000);
      await (await scene.started(scene.ask())).end({ kind: 'failed' });
    }
    expect(cools).toEqual([30, 60, 120]);
  });

  it('admits exactly one probe when it is half open, over all workers, and everyone after its success', async () => {
    const scene = world();
    await open(scene);
    await scene.pass(31_000);
    const workers = Array.from({ length: 10 }, () => scene.newLimiter());
    const answers = await scene.answerOf(Promise.all(workers.map((worker) => scene.ask([{ key: REQUESTS, units: 1 }], worker))));
    const probes = answers.filter((answer) => answer.kind === 'started');
    expect(probes).toHaveLength(1);
    await probes[0]!.end({ kind: 'answered' });
    await scene.pass(1000);
    const after = await scene.answerOf(Promise.all(workers.map((worker) => scene.ask([{ key: REQUESTS, units: 1 }], worker))));
    expect(after.filter(({ kind }) => kind === 'started')).toHaveLength(10);
  });

  it('is opened no further by calls that failed late', async () => {
    const scene = world();
    const late = await scene.started(scene.ask());
    await open(scene);
    const { breakerUntil, breakerCount } = scene.table.peek(REQUESTS)!;
    await late.end({ kind: 'failed' });
    expect(scene.table.peek(REQUESTS)).toMatchObject({ breakerUntil, breakerCount });
  });
});
