import { describe, expect, it } from 'vitest';
import { checkAnswer, checkThrown, MAX_OUTPUT_BYTES, MAX_OUTPUT_DEPTH } from '../../../lambdas/process-batch/check-answer.ts';
import type { JsonObject } from '../../../shared/rows.ts';

const succeeded = (output: unknown) => checkAnswer({ verdict: 'succeeded', output }).answer;
const outputOf = (output: unknown): JsonObject => {
  const answer = succeeded(output);
  if (answer.verdict !== 'succeeded') throw new Error(`expected an output, got ${JSON.stringify(answer)}`);
  return answer.output;
};
const faultOf = (answer: unknown): string => {
  const checked = checkAnswer(answer).answer;
  if (checked.verdict !== 'failed' || checked.error.name !== 'ProcessorAnswerError') throw new Error(`expected a fault, got ${checked.verdict}`);
  expect(checked.error.retryable).toBe(false);
  return checked.error.message;
};
const outputFault = (output: unknown): string => faultOf({ verdict: 'succeeded', output });

const describeThrown = (thrown: unknown) => {
  const { answer } = checkThrown(thrown);
  return answer.verdict === 'failed' ? answer.error : expect.fail('expected a failure');
};

const circle: Record<string, unknown> = { a: 1 };
circle['again'] = { circle };
const nested = (depth: number): unknown => (depth === 1 ? {} : { a: nested(depth - 1) });
const trap = (): never => {
  throw new TypeError('it is a trap');
};

describe('an output', () => {
  it.each([
    ['undefined', undefined, 'expected a JSON object, got undefined'],
    ['null', null, 'expected a JSON object, got null'],
    ['an array', [1], 'expected a JSON object, got an array'],
    ['a text', 'x', 'expected a JSON object, got a string'],
    ['a bigint', { n: { big: 1n } }, 'expected JSON, got a bigint at n.big'],
    ['a function', { f: () => 1 }, 'expected JSON, got a function at f'],
    ['a symbol', { s: Symbol('s') }, 'expected JSON, got a symbol at s'],
    ['NaN', { list: [1, NaN] }, 'expected JSON, got the number NaN at list.1'],
    ['infinity', { n: -Infinity }, 'expected JSON, got the number -Infinity at n'],
    ['a Map', { m: new Map([[1, 2]]) }, 'expected JSON, got a Map, of which JSON keeps nothing at m'],
    ['a promise', { p: Promise.resolve(1) }, 'expected JSON, got a Promise, of which JSON keeps nothing at p'],
    ['a circle', circle, /within each other, got more \(or a circle\) at again\.circle\.again/],
    ['a getter that throws', { get x() { return trap(); } }, 'expected JSON, reading it failed: it is a trap at x'],
    ['a toJSON that throws', { x: { toJSON: trap } }, 'expected JSON, reading it failed: it is a trap at x'],
    ['a proxy that throws', new Proxy({}, { ownKeys: trap }), 'expected a JSON object, reading it failed: it is a trap'],
    ['a revoked proxy', (() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })(), /reading it failed/],
    ['an array that seems to be endless', { a: Array.from({ length: 3 }).concat(new Array(4e9)) }, /bytes of JSON, got more at a/],
  ])('that can not be written as JSON is the fault of its item: %s', (_, output, message) => {
    expect(outputFault(output)).toMatch(message instanceof RegExp ? message : new RegExp(`^\`output\`: ${RegExp.escape(message)}$`));
  });

  it('is whole up to its bounds, and a fault beyond', () => {
    const text = 'x'.repeat(MAX_OUTPUT_BYTES - '{"t":""},'.length);
    expect(outputOf({ t: text })['t']).toHaveLength(text.length);
    expect(outputFault({ t: `${text}xx` })).toContain('expected at most 8,388,608 bytes of JSON, got more');
    expect(outputFault({ t: 'x'.repeat(50 * 1024 * 1024) })).toContain('got more');
    expect(outputFault({ t: '\0'.repeat(MAX_OUTPUT_BYTES / 5) })).toContain('got more');
    expect(outputOf(nested(MAX_OUTPUT_DEPTH))).toEqual(nested(MAX_OUTPUT_DEPTH));
    expect(outputFault(nested(MAX_OUTPUT_DEPTH + 1))).toContain('expected at most 100 objects');
  });

  it('is what JSON would make of it: dates are texts, undefined fields are left out, holes are null', () => {
    class Page {
      readonly url = 'u';
    }
    // eslint-disable-next-line no-sparse-arrays
    const output = { at: new Date(0), no: undefined, list: [1, , undefined, 'a'], page: new Page(), bare: Object.assign(Object.create(null) as object, { b: true }), half: '\ud800', minus: -0, empty: {}, boxed: [new String('s'), new Number(1), new Boolean(false)] };
    expect(outputOf(output)).toEqual(JSON.parse(JSON.stringify(output)));
  });

  it('keeps prototype keys as data, and pollutes nothing', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"x"}';
    const output = outputOf(JSON.parse(text));
    expect(JSON.stringify(output)).toBe(text);
    expect(Object.getPrototypeOf(output)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('is detached: what the processor does later changes nothing, and each property is read once', () => {
    let reads = 0;
    const inner = { list: [1] };
    const output = outputOf({ inner, get count() { return ++reads; } });
    inner.list.push(2);
    expect(output).toEqual({ inner: { list: [1] }, count: 1 });
    expect(reads).toBe(1);
  });
});

describe('an answer', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'succeeded'],
    ['no verdict', {}],
    ['a verdict that does not exist', { verdict: 'done' }],
    ['a verdict of prototype keys', { verdict: '__proto__' }],
    ['a verdict that throws', { get verdict() { return trap(); } }],
    ['a failure without an error', { verdict: 'failed' }],
    ['a failure without a name', { verdict: 'failed', error: { message: 'm', retryable: true } }],
    ['a failure with an endless name', { verdict: 'failed', error: { name: 'E'.repeat(101), message: 'm' } }],
    ['a failure whose message is no text', { verdict: 'failed', error: { name: 'E', message: 7 } }],
    ['a failure whose name throws', { verdict: 'failed', error: { get name() { return trap(); } } }],
    ['a skip without a reason', { verdict: 'skipped' }],
    ['a hold until nothing', { verdict: 'held' }],
    ['a hold until NaN', { verdict: 'held', until: NaN }],
    ['a hold for ever', { verdict: 'held', until: Infinity }],
    ['a hold until before time', { verdict: 'held', until: -1 }],
  ])('of another form is the fault of its item: %s', (_, answer) => {
    expect(faultOf(answer)).toMatch(/^expected /);
  });

  it('holds only what the contract names: it can not change the line, the input or the attempts of its row', () => {
    const more = { line: 99, input: {}, attempts: -1, id: 'x' };
    expect(checkAnswer({ verdict: 'succeeded', output: { a: 1 }, ...more })).toEqual({ answer: { verdict: 'succeeded', output: { a: 1 } }, outputBytes: 8 });
    expect(checkAnswer({ verdict: 'skipped', reason: 'robots', ...more }).answer).toEqual({ verdict: 'skipped', reason: 'robots' });
    expect(checkAnswer({ verdict: 'held', until: 1.5, ...more }).answer).toEqual({ verdict: 'held', until: 2 });
    const error = { name: 'HttpStatusError', message: 'x'.repeat(50_000), retryable: 'yes', stack: 'secret' };
    expect(checkAnswer({ verdict: 'failed', error, ...more }).answer).toEqual({ verdict: 'failed', error: { name: 'HttpStatusError', message: 'x'.repeat(2000), retryable: false } });
  });
});

describe('what is thrown', () => {
  it('keeps its name and says whether to try again', () => {
    expect(describeThrown(Object.assign(new RangeError('far'), { retryable: true }))).toEqual({ name: 'RangeError', message: 'far', retryable: true });
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a text', 'no', 'no'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), "something that can't be read"],
    ['an object whose text throws', { toString: trap }, "something that can't be read"],
    ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get: trap }), "something that can't be read"],
    ['an error whose message is no text', Object.assign(new Error('x'), { message: 7 }), "something that can't be read"],
    ['an error whose name throws', Object.defineProperty(new Error('x'), 'name', { get: trap }), 'x'],
    ['an error without a name', Object.assign(new Error('x'), { name: '' }), 'x'],
  ])('is an UnknownError if it is no error that can be read: %s', (_, thrown, message) => {
    const { name, message: told, retryable } = describeThrown(thrown);
    expect([told, retryable]).toEqual([message, false]);
    expect(['UnknownError', 'Error']).toContain(name);
  });

  it('is cut', () => {
    expect(describeThrown(new Error('x'.repeat(1e6))).message).toHaveLength(2000);
  });
});
