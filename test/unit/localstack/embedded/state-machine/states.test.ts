import { describe, expect, it } from 'vitest';
import { createBench, fails, machine, task } from './bench.ts';

const outputOf = (description: Record<string, unknown>): unknown => JSON.parse(String(description['output']));
const readerOf = (text: string) => ({ s3: () => ({ Body: text }) });
const reader = { Resource: 'arn:aws:states:::s3:getObject', ReaderConfig: { InputType: 'JSON' }, Parameters: { Bucket: 'b', Key: 'k' } };
const mapOf = (states: Record<string, unknown>, more = {}) => ({ Type: 'Map', ItemProcessor: machine(states), End: true, ...more });
const distributed = (states: Record<string, unknown>, more = {}) => ({
  Type: 'Map',
  ItemReader: reader,
  ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' }, ...machine(states) },
  End: true,
  ...more,
});

describe('data flow of a state', () => {
  it('InputPath, Parameters, ResultSelector, ResultPath and OutputPath act in this order', async () => {
    const seen: unknown[] = [];
    const bench = createBench({ work: (event) => (seen.push(event), { sum: 3, noise: 1 }) });
    const state = task({
      InputPath: '$.in',
      Parameters: { FunctionName: 'work', Payload: { 'a.$': '$.a' } },
      ResultSelector: { 'sum.$': '$.Payload.sum' },
      ResultPath: '$.out.result',
      OutputPath: '$.out',
    });
    expect(outputOf(await bench.run(machine({ A: state }), { in: { a: 1, b: 2 }, out: { kept: true } }))).toEqual({ kept: true, result: { sum: 3 } });
    expect(seen).toEqual([{ a: 1 }]);
  });

  it('ResultPath null drops the result and OutputPath null gives an empty object', async () => {
    const bench = createBench({ work: () => 1 });
    expect(outputOf(await bench.run(machine({ A: task({ ResultPath: null }) }), { x: 1 }))).toEqual({ x: 1 });
    expect(outputOf(await createBench({ work: () => 1 }).run(machine({ A: task({ OutputPath: null }) }), { x: 1 }))).toEqual({});
  });

  it('the context names the execution, the machine and the state', async () => {
    const bench = createBench();
    const pass = { Type: 'Pass', Parameters: { 'all.$': '$$' }, End: true };
    const arn = await bench.start(machine({ A: pass }), { i: 1 }, 'one');
    const time = '2026-01-01T00:00:00.000Z';
    expect(outputOf(await bench.describe(arn))).toEqual({
      all: {
        Execution: { Id: arn, Name: 'one', Input: { i: 1 }, StartTime: time, RedriveCount: 0 },
        StateMachine: { Id: 'arn:aws:states:us-east-1:000000000000:stateMachine:machine', Name: 'machine' },
        State: { Name: 'A', EnteredTime: time, RetryCount: 0 },
      },
    });
  });

  it('a function is named by its name or its ARN', async () => {
    const bench = createBench({ work: () => 'hi' });
    const state = task({ Parameters: { FunctionName: 'arn:aws:lambda:us-east-1:000000000000:function:work:$LATEST' }, OutputPath: '$.Payload' });
    expect(outputOf(await bench.run(machine({ A: state })))).toBe('hi');
  });

  it('a path that leads nowhere is a runtime error that no Catch takes', async () => {
    const state = task({ InputPath: '$.nope', Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }] });
    expect(await createBench().run(machine({ A: state, B: { Type: 'Succeed' } }))).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });

  it('more than 256 KiB fails as DataLimitExceeded, and 256 KiB do not', async () => {
    const run = (chars: number) => createBench({ work: () => 'x'.repeat(chars) }).run(machine({ A: task({ ResultSelector: { 'p.$': '$.Payload' }, Catch: [{ ErrorEquals: ['States.ALL'], Next: 'B' }] }), B: { Type: 'Succeed' } }));
    const frame = JSON.stringify({ ExecutedVersion: '$LATEST', Payload: '', StatusCode: 200 }).length;
    expect(await run(262_144 - frame)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await run(262_145 - frame)).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });
});

describe('flow', () => {
  it('Choice takes the first rule that matches, else Default, else fails', async () => {
    const definition = (more: object) => machine({ C: { Type: 'Choice', Choices: [{ Variable: '$.n', NumericEquals: 1, Next: 'One' }], ...more }, One: { Type: 'Pass', Result: 'one', End: true }, ...('Default' in more ? { Other: { Type: 'Pass', Result: 'other', End: true } } : {}) });
    expect(outputOf(await createBench().run(definition({}), { n: 1 }))).toBe('one');
    expect(outputOf(await createBench().run(definition({ Default: 'Other' }), { n: 2 }))).toBe('other');
    expect(await createBench().run(definition({}), { n: 2 })).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  it.each([
    [{ Seconds: 90 }, 90],
    [{ SecondsPath: '$.s' }, 7],
    [{ Timestamp: '2026-01-01T00:01:00Z' }, 60],
    [{ TimestampPath: '$.t' }, 0],
  ])('Wait %j lasts %d seconds', async (more, seconds) => {
    const { startDate, stopDate } = await createBench().run(machine({ W: { Type: 'Wait', End: true, ...more } }), { s: 7, t: '2020-01-01T00:00:00Z' });
    expect(Number(stopDate) - Number(startDate)).toBe(seconds);
  });

  it('Fail takes error and cause from the input', async () => {
    const fail = { Type: 'Fail', ErrorPath: '$.e', CausePath: "States.Format('because {}', $.c)" };
    expect(await createBench().run(machine({ F: fail }), { e: 'Mine', c: 'so' })).toMatchObject({ status: 'FAILED', error: 'Mine', cause: 'because so' });
  });

  it('Fail with a cause that is no text is a runtime error', async () => {
    expect(await createBench().run(machine({ F: { Type: 'Fail', Error: 'Mine', CausePath: '$.c' } }), { c: 1 })).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });

  it('Parallel gives its branches one input and lists their outputs in order', async () => {
    const branches = [machine({ W: { Type: 'Wait', Seconds: 5, End: true } }), machine({ P: { Type: 'Pass', Result: 2, End: true } })];
    expect(outputOf(await createBench().run(machine({ P: { Type: 'Parallel', Branches: branches, End: true } }), 1))).toEqual([1, 2]);
  });

  it('a branch that fails stops the others at once', async () => {
    const branches = [machine({ W: { Type: 'Wait', Seconds: 1000, End: true } }), machine({ F: { Type: 'Fail', Error: 'Mine' } })];
    const bench = createBench();
    const description = await bench.run(machine({ P: { Type: 'Parallel', Branches: branches, Catch: [{ ErrorEquals: ['Mine'], Next: 'S' }], Next: 'S' }, S: { Type: 'Succeed' } }));
    expect(description).toMatchObject({ status: 'SUCCEEDED', startDate: description['stopDate'] });
  });
});

describe('Map', () => {
  it('gives each child its item, and the outputs keep the order', async () => {
    const bench = createBench({ work: async ({ i }) => i });
    const state = mapOf({ A: task({ OutputPath: '$.Payload' }) }, { ItemsPath: '$.list', ItemSelector: { 'i.$': '$$.Map.Item.Index', 'v.$': '$$.Map.Item.Value', 'k.$': '$.k' } });
    expect(outputOf(await bench.run(machine({ M: state }), { list: ['a', 'b', 'c'], k: 1 }))).toEqual([0, 1, 2]);
  });

  it.each([
    [3, 3],
    [0, 40],
  ])('MaxConcurrency %d keeps at most %d children at work', async (most, expected) => {
    let [busy, peak] = [0, 0];
    const bench = createBench({
      work: async () => {
        busy += 1;
        peak = Math.max(peak, busy);
        await new Promise((resolve) => setImmediate(resolve));
        busy -= 1;
      },
    });
    const arn = await bench.start(machine({ M: mapOf({ A: task({ OutputPath: null }) }, { MaxConcurrency: most }) }), Array.from({ length: 100 }, () => ({})));
    while ((await bench.describe(arn))['status'] === 'RUNNING') await bench.clock.settle();
    expect(peak).toBe(expected);
  });

  it('a distributed child is an execution of its own whose events are not in the history of the parent', async () => {
    const states = { P: { Type: 'Pass', Parameters: { 'input.$': '$$.Execution.Input', 'id.$': '$$.Execution.Id', 'item.$': '$' }, End: true } };
    const bench = createBench({}, readerOf('[{"a":1},{"a":2}]'));
    const arn = await bench.start(machine({ M: distributed(states) }), {}, 'parent');
    const output = outputOf(await bench.describe(arn)) as { input: unknown; id: string; item: unknown }[];
    expect(output.map(({ input, item }) => [input, item])).toEqual([1, 2].map((a) => [{ a }, { a }]));
    expect(new Set([arn, ...output.map(({ id }) => id)]).size).toBe(3);
    const { events } = await bench.call('GetExecutionHistory', { executionArn: arn });
    expect((events as { type: string }[]).map(({ type }) => type)).toEqual(['ExecutionStarted', 'MapStateEntered', 'MapStateStarted', 'MapStateSucceeded', 'MapStateExited', 'ExecutionSucceeded']);
  });

  it('one failed child fails a distributed Map, and names the first failure', async () => {
    const bench = createBench({ work: ({ a }) => (a === 2 ? fails('Mine') : {}) }, readerOf('[{"a":1},{"a":2},{"a":3}]'));
    expect(await bench.run(machine({ M: distributed({ A: task() }) }))).toMatchObject({ status: 'FAILED', error: 'States.ExceedToleratedFailureThreshold', cause: expect.stringContaining('Mine') as string });
  });

  it.each(['[{"a":1', '{"a":1}'])('a list that reads %s fails as the item reader', async (text) => {
    expect(await createBench({}, readerOf(text)).run(machine({ M: distributed({ A: task() }) }))).toMatchObject({ error: 'States.ItemReaderFailed' });
  });

  it('an object that is not there fails as the item reader, with the reason', async () => {
    const s3 = () => {
      throw Object.assign(new Error('no such key'), { name: 'NoSuchKey' });
    };
    expect(await createBench({}, { s3 }).run(machine({ M: distributed({ A: task() }) }))).toMatchObject({ error: 'States.ItemReaderFailed', cause: expect.stringContaining('NoSuchKey') as string });
  });
});

describe('Retry, Catch and time-outs', () => {
  it('waits as told between tries and counts them for the function', async () => {
    const counts: unknown[] = [];
    const bench = createBench({ work: ({ n }) => (counts.push(n), counts.length < 4 ? fails('Mine') : {}) });
    const state = task({ Parameters: { FunctionName: 'work', Payload: { 'n.$': '$$.State.RetryCount' } }, Retry: [{ ErrorEquals: ['Mine'], IntervalSeconds: 2, BackoffRate: 3 }] });
    const { status, startDate, stopDate } = await bench.run(machine({ A: state }));
    expect([status, counts, Number(stopDate) - Number(startDate)]).toEqual(['SUCCEEDED', [0, 1, 2, 3], 2 + 6 + 18]);
  });

  it("a function's error arrives under its type, with the JSON that AWS puts into Cause", async () => {
    const bench = createBench({ work: () => fails('TypeError', 'x is undefined') });
    const state = task({ Catch: [{ ErrorEquals: ['States.TaskFailed'], ResultPath: '$.error', Next: 'S' }] });
    const { error } = outputOf(await bench.run(machine({ A: state, S: { Type: 'Succeed' } }), { kept: 1 })) as { error: { Error: string; Cause: string } };
    expect([error.Error, JSON.parse(error.Cause)]).toEqual(['TypeError', { errorType: 'TypeError', errorMessage: 'x is undefined', trace: [] }]);
  });

  it('a host that breaks is a failure of the task, never of the process', async () => {
    const bench = createBench({
      work: () => {
        throw new Error('socket closed');
      },
    });
    expect(await bench.run(machine({ A: task() }))).toMatchObject({ status: 'FAILED', error: 'Lambda.SdkClientException', cause: expect.stringContaining('socket closed') as string });
  });

  it('a task that outlives TimeoutSeconds fails as States.Timeout, which TaskFailed does not take', async () => {
    const bench = createBench({ work: () => new Promise(() => {}) });
    const state = task({ TimeoutSeconds: 30, Retry: [{ ErrorEquals: ['States.TaskFailed'] }], Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'S' }] });
    const { status, startDate, stopDate } = await bench.run(machine({ A: state, S: { Type: 'Succeed' } }));
    expect([status, Number(stopDate) - Number(startDate)]).toEqual(['SUCCEEDED', 30]);
  });

  it('a task in time leaves no timer behind', async () => {
    const bench = createBench({ work: () => 1 });
    await bench.start({ ...machine({ A: task({ TimeoutSeconds: 30 }) }), TimeoutSeconds: 60 });
    expect(bench.clock.timers.size).toBe(0);
  });

  it("the machine's own TimeoutSeconds end the execution as timed out", async () => {
    expect(await createBench().run({ ...machine({ W: { Type: 'Wait', Seconds: 100, End: true } }), TimeoutSeconds: 60 })).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' });
  });

  it('an endless loop ends as failed with event 25,000', async () => {
    const bench = createBench();
    const arn = await bench.start(machine({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } }));
    expect(await bench.describe(arn)).toMatchObject({ status: 'FAILED', cause: expect.stringContaining('25000') as string });
    const { events } = await bench.call('GetExecutionHistory', { executionArn: arn, reverseOrder: true, maxResults: 1 });
    expect(events).toMatchObject([{ id: 25_000, type: 'ExecutionFailed' }]);
  });
});
