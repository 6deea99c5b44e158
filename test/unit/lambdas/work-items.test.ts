import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ITEM_DEADLINE_SECONDS, workItems } from '../../../lambdas/process-batch/work-items.ts';
import type { ProcessAnswer, Processor, ProcessorItem } from '../../../processors/processor.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../shared/uploads.ts';

const succeeded: ProcessAnswer = { verdict: 'succeeded', output: {} };

function aProcessor(process: (item: ProcessorItem<JsonObject>, signal: AbortSignal) => Promise<ProcessAnswer>, concurrency = 2): Processor {
  return {
    name: 'test',
    summary: '',
    workerClass: 'standard',
    primaryField: 'value',
    optionsSchema: z.strictObject({}),
    itemsPerBatch: 10,
    concurrency,
    readRow: (input) => ({ kind: 'item', input }),
    process: (item, { signal }) => process(item, signal),
  };
}

const items = (count: number) => Array.from({ length: count }, (_, ordinal) => ({ ordinal, item: { line: ordinal + 1, input: {} } }));

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const work = (processor: Processor, stopAt = Date.now() + 600_000, retries = 0) => ({
  processor,
  options: {},
  fetchPage: () => Promise.reject(new Error('no fetch in this test')),
  callApi: NO_APIS_CONFIGURED,
  limiter: UNLIMITED_CALLS,
  readUpload: NO_UPLOADS,
  clock: Date.now,
  sleep,
  random: () => 0.5,
  retries,
  startedAt: Date.now(),
  stopAt,
});

describe('workItems', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('gives what a processor throws to that item alone', async () => {
    const processor = aProcessor(async ({ line }) => {
      if (line === 2) throw Object.assign(new TypeError('no such thing'), { retryable: true });
      return succeeded;
    });
    const { rows, left } = await workItems(items(3), work(processor));
    expect(left).toEqual([]);
    expect(rows.map(({ verdict }) => verdict)).toEqual(['succeeded', 'failed', 'succeeded']);
    expect(rows[1]).toMatchObject({ line: 2, error: { name: 'TypeError', message: 'no such thing', retryable: true } });
  });

  it('begins no item with less time than its processor needs, but keeps to half of a short delivery', async () => {
    const lengths = async (totalMs: number): Promise<number> => {
      const processor: Processor = { ...aProcessor(async () => (await vi.advanceTimersByTimeAsync(10_000), succeeded)), leastSecondsLeft: 60, concurrency: 1 };
      const { rows } = await workItems(items(20), work(processor, Date.now() + totalMs));
      return rows.length;
    };
    expect(await lengths(130_000)).toBe(8);
    expect(await lengths(40_000)).toBe(3);
  });

  it('keeps at most as many items in work as the processor allows', async () => {
    let now = 0;
    let most = 0;
    const processor = aProcessor(async () => {
      most = Math.max(most, ++now);
      await setImmediate();
      now--;
      return succeeded;
    }, 3);
    await workItems(items(20), work(processor));
    expect(most).toBe(3);
  });

  it('leaves held items over and says when the first may begin', async () => {
    const processor = aProcessor(async ({ line }) => (line % 2 ? succeeded : { verdict: 'held', until: 1000 * line }));
    const { rows, left, held } = await workItems(items(6), work(processor));
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 5]);
    expect(left).toEqual([1, 3, 5]);
    expect(held).toEqual({ until: 2000 });
  });

  it('begins no further item after 32 MiB of output, but tries again what has begun', async () => {
    const big = 'x'.repeat(7 * 1024 * 1024);
    let calls = 0;
    const processor = aProcessor(async ({ line }) => {
      if (line === 1 && ++calls < 3) return { verdict: 'failed', error: { name: 'E', message: 'again', retryable: true } };
      return { verdict: 'succeeded', output: { big } };
    }, 1);
    const ended = workItems(items(20), work(processor, Date.now() + 600_000, 5));
    await vi.advanceTimersByTimeAsync(60_000);
    const { rows, left, held } = await ended;
    expect([rows.map(({ line, verdict, attempts }) => [line, verdict, attempts]), left.length, held]).toEqual([
      [[1, 'succeeded', 3], ...[2, 3, 4, 5, 6].map((line) => [line, 'succeeded', 1])], 14, undefined,
    ]);
  });

  it('fails an item that does not end within its deadline, and aborts its work', async () => {
    let signal: AbortSignal | undefined;
    const processor = aProcessor((_, itsSignal) => {
      signal = itsSignal;
      return new Promise(() => {});
    });
    const ended = workItems(items(1), work(processor));
    await vi.advanceTimersByTimeAsync(1000 * ITEM_DEADLINE_SECONDS);
    expect((await ended).rows).toMatchObject([{ verdict: 'failed', error: { name: 'ItemTimeoutError', retryable: true } }]);
    expect(signal!.aborted).toBe(true);
  });

  it('leaves over what is in work or has not begun when the worker runs out of time', async () => {
    const processor = aProcessor(() => sleep(40_000).then(() => succeeded));
    const ended = workItems(items(6), work(processor, Date.now() + 100_000));
    await vi.advanceTimersByTimeAsync(100_000);
    const { rows, left } = await ended;
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    expect(left).toEqual([4, 5]);
  });

  const failure = (retryable: boolean): ProcessAnswer => ({ verdict: 'failed', error: { name: 'TestError', message: '', retryable } });

  it('tries a retryable failure again after a back-off, and says how often it was tried', async () => {
    const calls: number[] = [];
    const processor = aProcessor(async () => (calls.push(Date.now()) < 3 ? failure(true) : succeeded));
    const startedAt = Date.now();
    const ended = workItems(items(1), work(processor, undefined, 3));
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await ended).rows).toMatchObject([{ verdict: 'succeeded', attempts: 3 }]);
    // Half of 500 ms, then half of 1,000 ms: the jitter of this test is 0.5.
    expect(calls.map((at) => at - startedAt)).toEqual([0, 250, 750]);
  });

  it('gives up after the retries, and at once when the failure is not retryable', async () => {
    const processor = aProcessor(async ({ line }) => failure(line === 1));
    const ended = workItems(items(2), work(processor, undefined, 3));
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await ended).rows).toMatchObject([{ error: { name: 'TestError' }, attempts: 4 }, { error: { name: 'TestError' }, attempts: 1 }]);
  });

  it('works on other items while one waits for its retry', async () => {
    const order: number[] = [];
    const processor = aProcessor(async ({ line }) => (order.push(line), line === 1 && order.length === 1 ? failure(true) : succeeded), 1);
    const ended = workItems(items(4), work(processor, undefined, 1));
    await vi.advanceTimersByTimeAsync(60_000);
    await ended;
    expect(order).toEqual([1, 2, 3, 4, 1]);
  });

  it('lets the earlier failure stand when there is no time for another try, or a limit holds it back', async () => {
    const processor = aProcessor(async ({ line }) => (line === 1 && tries++ > 0 ? { verdict: 'held', until: Date.now() + 3_600_000 } : failure(true)));
    let tries = 0;
    const ended = workItems(items(2), work(processor, Date.now() + 700, 9));
    await vi.advanceTimersByTimeAsync(700);
    const { rows, left } = await ended;
    expect(left).toEqual([]);
    expect(rows).toMatchObject([{ verdict: 'failed', error: { name: 'TestError' } }, { verdict: 'failed', error: { name: 'TestError' } }]);
  });

  it('counts a throttled item as no attempt and no failure', async () => {
    const processor = aProcessor(async () => ({ verdict: 'held', until: 5 }));
    expect(await workItems(items(1), work(processor, undefined, 3))).toMatchObject({ rows: [], left: [0], held: { until: 5 } });
  });

  it('fails an item that has had nearly the whole delivery, so that it does not take the next one, too', async () => {
    const processor = aProcessor(() => new Promise(() => {}));
    const ended = workItems(items(1), work(processor, Date.now() + 10_000));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(await ended).toMatchObject({ rows: [{ error: { name: 'ItemTimeoutError' } }], left: [] });
  });

  it('leaves an item over that began late in the delivery, so that the next one gives it its whole time', async () => {
    const processor = aProcessor(() => new Promise(() => {}));
    const late = { ...work(processor, Date.now() + 2_000), startedAt: Date.now() - 100_000 };
    const ended = workItems(items(1), late);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await ended).toMatchObject({ rows: [], left: [0] });
  });

  it('says how many processors did not end when they were told to', async () => {
    const processor = aProcessor(({ line }, signal) => new Promise((resolve) => line === 1 && signal.addEventListener('abort', () => resolve(succeeded))));
    const ended = workItems(items(2), work(processor));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await ended).toMatchObject({ rows: [{ error: { name: 'ItemTimeoutError' } }, { error: { name: 'ItemTimeoutError' } }], unended: 1 });
  });
});
