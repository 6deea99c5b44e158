import type { Message } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from 'vitest';
import type { InvokeAnswer } from '../../../../../localstack/embedded/contracts.ts';
import { EventSourceMapping } from '../../../../../localstack/embedded/events/event-source-mapping.ts';
import { handledMessages, sqsEvent } from '../../../../../localstack/embedded/events/sqs-event.ts';
import { Slots } from '../../../../../localstack/embedded/functions/slots.ts';
import type { MappingPlan } from '../../../../../localstack/embedded/template/stack-plan.ts';

const NEVER_MS = 1e8;
const PLAN: MappingPlan = {
  logicalId: 'M', functionName: 'f', queueArn: 'arn:aws:sqs:us-east-1:000000000000:q', isFifo: false, batchSize: 10, windowSeconds: 0,
  reportsItemFailures: true, maximumConcurrency: undefined, isEnabled: true,
};
const message = (id: string): Message => ({ MessageId: id, ReceiptHandle: `h-${id}`, Body: `body ${id}`, MD5OfBody: `md5 ${id}`, Attributes: { ApproximateReceiveCount: '1' } });
const idsOf = (event: unknown): string[] => (event as { Records: { messageId: string }[] }).Records.map(({ messageId }) => messageId);

/** A queue that hands each message out once, and a function under the test's control. */
class Bench {
  readonly waiting: Message[] = [];
  readonly deleted: string[] = [];
  readonly givenBack: string[] = [];
  readonly batches: { ids: string[]; answer: (answer: InvokeAnswer) => void }[] = [];
  readonly logged: string[] = [];
  failReceive = false;
  receives = 0;
  readonly mapping: EventSourceMapping;
  #changed: () => void = () => {};

  constructor(plan: Partial<MappingPlan> = {}, environments = 10, fifoPauseMs = 0) {
    const slots = new Slots(environments);
    this.mapping = new EventSourceMapping({ ...PLAN, ...plan }, {
      queue: {
        receive: async (limit) => {
          this.receives++;
          this.#changed();
          if (this.failReceive) throw new Error('no queue');
          return this.waiting.splice(0, limit);
        },
        delete: async (messages) => this.#note(this.deleted, messages),
        giveBack: async (messages) => this.#note(this.givenBack, messages),
      },
      reserve: async (signal) => {
        await slots.take(signal);
        return {
          release: () => slots.give(),
          invoke: async (event) => {
            const answer = await new Promise<InvokeAnswer>((resolve) => {
              this.batches.push({ ids: idsOf(event), answer: resolve });
              this.#changed();
            });
            slots.give();
            return answer;
          },
        };
      },
      log: (line) => (this.logged.push(line), this.#changed()),
      restMs: NEVER_MS,
      fifoPauseMs,
    });
  }

  send(...ids: string[]): void {
    this.waiting.push(...ids.map(message));
    this.mapping.wake();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  #note(list: string[], messages: readonly Message[]): void {
    list.push(...messages.map(({ MessageId: id }) => id!));
    this.#changed();
  }
}

const started: Bench[] = [];
function start(plan: Partial<MappingPlan> = {}, environments = 10, fifoPauseMs = 0): Bench {
  const bench = new Bench(plan, environments, fifoPauseMs);
  started.push(bench);
  bench.mapping.start();
  return bench;
}
afterEach(async () => {
  for (const { mapping, batches } of started.splice(0)) {
    for (const { answer } of batches) answer({ ok: true, payload: null });
    await mapping.stop();
  }
});

describe('an event source mapping', () => {
  it('deletes a batch that succeeded', async () => {
    const bench = start();
    bench.send('a', 'b');
    await bench.until(() => bench.batches.length === 1);
    expect(bench.deleted).toEqual([]);
    bench.batches[0]!.answer({ ok: true, payload: null });
    await bench.until(() => bench.deleted.length === 2);
    expect(bench.deleted).toEqual(['a', 'b']);
  });

  it('deletes what did not fail of a batch', async () => {
    const bench = start();
    bench.send('a', 'b', 'c');
    await bench.until(() => bench.batches.length === 1);
    bench.batches[0]!.answer({ ok: true, payload: { batchItemFailures: [{ itemIdentifier: 'b' }] } });
    await bench.until(() => bench.deleted.length === 2);
    expect(bench.deleted).toEqual(['a', 'c']);
  });

  it('leaves a failed batch to the visibility time-out', async () => {
    const bench = start();
    bench.send('a');
    await bench.until(() => bench.batches.length === 1);
    bench.batches[0]!.answer({ ok: false, errorType: 'E', errorMessage: 'm' });
    await bench.until(() => bench.logged.length === 1);
    bench.send('b');
    await bench.until(() => bench.batches.length === 2);
    expect(bench.deleted).toEqual([]);
    expect(bench.batches[1]!.ids).toEqual(['b']);
  });

  it('hands over at most BatchSize messages', async () => {
    const bench = start({ batchSize: 2 });
    bench.send('a', 'b', 'c');
    await bench.until(() => bench.batches.length === 2);
    expect(bench.batches.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c']]);
  });

  it('pauses between the receives of a FIFO queue: what comes close together is one batch', async () => {
    const bench = start({ isFifo: true }, 10, 50);
    bench.send('a');
    await bench.until(() => bench.batches.length === 1);
    for (const id of ['b', 'c']) {
      bench.send(id);
      await new Promise(setImmediate);
    }
    await bench.until(() => bench.batches.length === 2);
    expect(bench.batches.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  });

  it('does not pause after a full batch of a FIFO queue, nor when it is stopped', async () => {
    const bench = start({ isFifo: true, batchSize: 2 }, 10, NEVER_MS);
    bench.send('a', 'b', 'c');
    await bench.until(() => bench.batches.length === 2);
    expect(bench.batches.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c']]);
  });

  it.each([['environments', {}, 2], ['MaximumConcurrency', { maximumConcurrency: 2 }, 10]] as const)('takes no message from the queue while all %s are busy', async (_, plan, environments) => {
    const bench = start({ batchSize: 1, ...plan }, environments);
    bench.send('a', 'b', 'c');
    await bench.until(() => bench.batches.length === 2);
    await new Promise(setImmediate);
    expect(bench.waiting.map(({ MessageId: id }) => id)).toEqual(['c']);
    bench.batches[0]!.answer({ ok: true, payload: null });
    await bench.until(() => bench.batches.length === 3);
    expect(bench.batches[2]!.ids).toEqual(['c']);
  });

  it('gathers a batch for the length of its window', async () => {
    const bench = start({ windowSeconds: 300, batchSize: 3 });
    bench.send('a');
    await bench.until(() => bench.receives === 3);
    bench.send('b', 'c');
    await bench.until(() => bench.batches.length === 1);
    expect(bench.batches[0]!.ids).toEqual(['a', 'b', 'c']);
  });

  it('rests when the queue is empty, until it is woken', async () => {
    const bench = start();
    await bench.until(() => bench.receives === 1);
    await new Promise(setImmediate);
    expect(bench.receives).toBe(1);
    bench.mapping.wake();
    await bench.until(() => bench.receives === 2);
  });

  it('goes on after the queue failed', async () => {
    const bench = start();
    bench.failReceive = true;
    bench.send('a');
    await bench.until(() => bench.logged.length === 1);
    bench.failReceive = false;
    bench.mapping.wake();
    await bench.until(() => bench.batches.length === 1);
    expect(bench.batches[0]!.ids).toEqual(['a']);
  });

  it('does nothing when it is not enabled', async () => {
    const bench = start({ isEnabled: false });
    bench.send('a');
    await bench.mapping.stop();
    expect(bench.receives).toBe(0);
  });

  it('stop waits for running batches and takes no more', async () => {
    const bench = start({ batchSize: 1 }, 1);
    bench.send('a', 'b');
    await bench.until(() => bench.batches.length === 1);
    const stopped = bench.mapping.stop();
    bench.batches[0]!.answer({ ok: true, payload: null });
    await stopped;
    expect(bench.deleted).toEqual(['a']);
    expect(bench.waiting.map(({ MessageId: id }) => id)).toEqual(['b']);
  });
});

it('a record has the form that Lambda documents', () => {
  const attributes = { size: { DataType: 'Number', StringValue: '3' } };
  expect(sqsEvent([{ ...message('a'), MessageAttributes: attributes }], PLAN.queueArn)).toEqual({
    Records: [{
      messageId: 'a', receiptHandle: 'h-a', body: 'body a', attributes: { ApproximateReceiveCount: '1' },
      messageAttributes: { size: { stringValue: '3', stringListValues: [], binaryListValues: [], dataType: 'Number' } },
      md5OfBody: 'md5 a', eventSource: 'aws:sqs', eventSourceARN: PLAN.queueArn, awsRegion: 'us-east-1',
    }],
  });
});

it.each<[string, unknown, string[]]>([
  ['an empty list', { batchItemFailures: [] }, ['a', 'b']],
  ['no list', {}, ['a', 'b']],
  ['null', { batchItemFailures: null }, ['a', 'b']],
  ['an unknown id', { batchItemFailures: [{ itemIdentifier: 'x' }] }, []],
  ['an empty id', { batchItemFailures: [{ itemIdentifier: '' }] }, []],
  ['a wrong key', { batchItemFailures: [{ id: 'a' }] }, []],
  ['no array', { batchItemFailures: 'a' }, []],
])('an answer with %s is read as Lambda reads it', (_, payload, handled) => {
  const ids = handledMessages([message('a'), message('b')], { ok: true, payload }, true).map(({ MessageId: id }) => id);
  expect(ids).toEqual(handled);
});
