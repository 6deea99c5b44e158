import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AsyncInvoker, type FailedInvocation } from '../../../../../localstack/embedded/events/async-invoker.ts';
import { EventBus } from '../../../../../localstack/embedded/events/event-bus.ts';
import type { EventBridgeEvent, InvokeAnswer } from '../../../../../localstack/embedded/contracts.ts';
import type { RulePlan } from '../../../../../localstack/embedded/template/stack-plan.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const RULE: RulePlan = { logicalId: 'R', arn: 'arn:rule', pattern: undefined, periodSeconds: undefined, isEnabled: true, targets: [{ functionName: 'f', input: undefined }] };
const EVENT: EventBridgeEvent = { version: '0', id: '1', source: 'aws.s3', 'detail-type': 'Object Created', account: '0', time: 't', region: 'r', resources: [], detail: {} };

function bus(rule: Partial<RulePlan>, answer: () => Promise<boolean> = async () => true): { bus: EventBus; delivered: unknown[] } {
  const delivered: unknown[] = [];
  const deliver = (_: string, event: unknown): Promise<boolean> => (delivered.push(event), answer());
  return { bus: new EventBus([{ ...RULE, ...rule }], { deliver, now: () => new Date(0) }), delivered };
}

it('an event reaches the targets of the rules it matches', () => {
  const matching = bus({ pattern: { source: ['aws.s3'] } });
  const other = bus({ pattern: { source: ['else'] } });
  const disabled = bus({ pattern: { source: ['aws.s3'] }, isEnabled: false });
  for (const each of [matching, other, disabled]) void each.bus.put(EVENT);
  expect([matching, other, disabled].map(({ delivered }) => delivered)).toEqual([[EVENT], [], []]);
});

it('an event is dealt with when every target of every rule has dealt with it', async () => {
  const pattern = { source: ['aws.s3'] };
  const [taken, refused, unmatched] = [bus({ pattern }), bus({ pattern }, async () => false), bus({ pattern: { source: ['else'] } }, async () => false)];
  expect(await Promise.all([taken, refused, unmatched].map((each) => each.bus.put(EVENT)))).toEqual([true, false, true]);
});

it('a schedule fires after one period, then after each', async () => {
  const { bus: made, delivered } = bus({ periodSeconds: 60 });
  made.startSchedules();
  await vi.advanceTimersByTimeAsync(59_999);
  expect(delivered).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_001);
  expect(delivered).toHaveLength(2);
  expect(delivered[0]).toMatchObject({ 'detail-type': 'Scheduled Event', source: 'aws.events', resources: ['arn:rule'], time: '1970-01-01T00:00:00Z' });
  made.stop();
  expect(vi.getTimerCount()).toBe(0);
});

it('a schedule does not pile up behind a firing that still runs', async () => {
  const { bus: made, delivered } = bus({ periodSeconds: 1 }, () => new Promise(() => {}));
  made.startSchedules();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(delivered).toHaveLength(1);
  made.stop();
});

const FAILURE: FailedInvocation = { ok: false, errorType: 'E', errorMessage: 'm' };

function invoker(...answers: InvokeAnswer[]): { invoker: AsyncInvoker; calls: unknown[] } {
  const calls: unknown[] = [];
  const invoke = async (_: string, event: unknown): Promise<InvokeAnswer> => (calls.push(event), answers[calls.length - 1] ?? FAILURE);
  return { invoker: new AsyncInvoker({ invoke, log: () => {} }), calls };
}

it('an asynchronous invocation is repeated until it succeeds', async () => {
  const { invoker: made, calls } = invoker(FAILURE, { ok: true, payload: 1 });
  const dead: unknown[] = [];
  const done = made.deliver({ functionName: 'f', retries: 2, sendToDeadLetters: async (event) => void dead.push(event) }, 'e');
  await vi.runAllTimersAsync();
  expect(await done).toBe(true);
  expect([calls, dead]).toEqual([['e', 'e'], []]);
});

it('an event that failed three times goes to the dead-letter queue with its last error', async () => {
  const { invoker: made, calls } = invoker();
  const dead: unknown[] = [];
  const done = made.deliver({ functionName: 'f', retries: 2, sendToDeadLetters: async (event, failure) => void dead.push([event, failure]) }, 'e');
  await vi.runAllTimersAsync();
  expect(await done).toBe(true);
  expect(calls).toHaveLength(3);
  expect(dead).toEqual([['e', FAILURE]]);
});

it('stop does not wait for back-off, and what it interrupts is neither done nor dead', async () => {
  const { invoker: made, calls } = invoker();
  const dead: unknown[] = [];
  const done = made.deliver({ functionName: 'f', retries: 2, sendToDeadLetters: async (event) => void dead.push(event) }, 'e');
  await vi.advanceTimersByTimeAsync(1);
  await made.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect([await done, calls.length, dead]).toEqual([false, 1, []]);
});

it('an event that the dead-letter queue did not take is not dealt with', async () => {
  const { invoker: made } = invoker();
  const done = made.deliver({ functionName: 'f', retries: 0, sendToDeadLetters: () => Promise.reject(new Error('no queue')) }, 'e');
  expect(await done).toBe(false);
});
