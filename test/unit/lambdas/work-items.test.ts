import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ITEM_DEADLINE_MS, workItems } from '../../../lambdas/process-batch/work-items.ts';
import type { ProcessAnswer, Processor, ProcessorItem } from '../../../processors/processor.ts';
import type { JsonObject } from '../../../shared/rows.ts';

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

const work = (processor: Processor, stopAt = Date.now() + 600_000) => ({
  processor,
  options: {},
  fetchPage: () => Promise.reject(new Error('no fetch in this test')),
  clock: Date.now,
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
    const { rows, left, heldUntil } = await workItems(items(6), work(processor));
    expect(rows.map(({ line }) => line)).toEqual([1, 3, 5]);
    expect(left).toEqual([1, 3, 5]);
    expect(heldUntil).toBe(2000);
  });

  it('fails an item that does not end within its deadline, and aborts its work', async () => {
    let signal: AbortSignal | undefined;
    const processor = aProcessor((_, itsSignal) => {
      signal = itsSignal;
      return new Promise(() => {});
    });
    const ended = workItems(items(1), work(processor));
    await vi.advanceTimersByTimeAsync(ITEM_DEADLINE_MS);
    expect((await ended).rows).toMatchObject([{ verdict: 'failed', error: { name: 'ItemTimeoutError', retryable: true } }]);
    expect(signal!.aborted).toBe(true);
  });

  it('leaves over what is in work or has not begun when the worker runs out of time', async () => {
    const processor = aProcessor(({ line }) => (line === 1 ? Promise.resolve(succeeded) : new Promise(() => {})));
    const ended = workItems(items(5), work(processor, Date.now() + 5000));
    await vi.advanceTimersByTimeAsync(5000);
    const { rows, left } = await ended;
    expect(rows.map(({ line }) => line)).toEqual([1]);
    expect(left).toEqual([1, 2, 3, 4]);
  });
});
