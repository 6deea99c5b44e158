import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBench, fails, machine, MACHINE_ARN, task, type Bench } from './bench.ts';

const WAIT_FOR_TOKEN = { Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken', Parameters: { FunctionName: 'work', Payload: { 'token.$': '$$.Task.Token' } } };
const waiting = machine({ W: { Type: 'Wait', Seconds: 60, End: true } });
const faultNamed = (name: string) => expect.objectContaining({ name }) as Error;

/** A machine that waits for its token, and the tokens it gave out. */
const startAwaiting = async (more: Record<string, unknown> = {}, answer: unknown = {}) => {
  const tokens: string[] = [];
  const bench = createBench({ work: ({ token }) => (tokens.push(String(token)), answer) });
  const arn = await bench.start(machine({ A: task({ ...WAIT_FOR_TOKEN, ...more }) }));
  const succeed = (taskToken: string | undefined, output = '{"x":1}') => bench.call('SendTaskSuccess', { taskToken, output });
  return { bench, tokens, arn, succeed };
};

describe('task tokens', () => {
  it('success ends the task with the output that was sent', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting();
    expect(await bench.describe(arn)).toMatchObject({ status: 'RUNNING' });
    await succeed(tokens[0]);
    await bench.clock.settle();
    expect(await bench.describe(arn)).toMatchObject({ status: 'SUCCEEDED', output: '{"x":1}' });
  });

  it('failure ends the task with the error that was sent', async () => {
    const { bench, tokens, arn } = await startAwaiting();
    await bench.call('SendTaskFailure', { taskToken: tokens[0], error: 'Mine', cause: 'so' });
    await bench.clock.settle();
    expect(await bench.describe(arn)).toMatchObject({ status: 'FAILED', error: 'Mine', cause: 'so' });
  });

  it('the callback may come before the function has answered', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting({}, new Promise(() => {}));
    await succeed(tokens[0]);
    await bench.clock.settle();
    expect(await bench.describe(arn)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('a function that fails fails the task, and its token is refused from then on', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting({}, fails('Mine'));
    expect(await bench.describe(arn)).toMatchObject({ status: 'FAILED', error: 'Mine' });
    await expect(succeed(tokens[0])).rejects.toEqual(faultNamed('TaskTimedOut'));
  });

  it('a second callback is refused', async () => {
    const { tokens, succeed } = await startAwaiting();
    await succeed(tokens[0]);
    await expect(succeed(tokens[0])).rejects.toEqual(faultNamed('TaskTimedOut'));
  });

  it('a retry gets a new token and the old one is refused', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting({ TimeoutSeconds: 100, Retry: [{ ErrorEquals: ['States.Timeout'], BackoffRate: 1 }] });
    await bench.clock.advance(101_000);
    expect(new Set(tokens).size).toBe(2);
    await expect(succeed(tokens[0])).rejects.toEqual(faultNamed('TaskTimedOut'));
    await succeed(tokens[1]);
    await bench.clock.settle();
    expect(await bench.describe(arn)).toMatchObject({ status: 'SUCCEEDED' });
  });

  it('a token that nobody gave out does not exist, and what is no token is invalid', async () => {
    const { succeed } = await startAwaiting();
    await expect(succeed('a'.repeat(128))).rejects.toEqual(faultNamed('TaskDoesNotExist'));
    await expect(succeed('short')).rejects.toEqual(faultNamed('InvalidToken'));
  });

  it('an output that is no JSON is refused and leaves the task waiting', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting();
    await expect(succeed(tokens[0], '{')).rejects.toEqual(faultNamed('InvalidOutput'));
    expect(await bench.describe(arn)).toMatchObject({ status: 'RUNNING' });
  });

  it('heartbeats keep a task alive, and their absence ends it', async () => {
    const { bench, tokens, arn } = await startAwaiting({ HeartbeatSeconds: 10 });
    for (let beat = 0; beat < 3; beat += 1) {
      await bench.clock.advance(9000);
      await bench.call('SendTaskHeartbeat', { taskToken: tokens[0] });
    }
    await bench.clock.advance(9999);
    expect(await bench.describe(arn)).toMatchObject({ status: 'RUNNING' });
    await bench.clock.advance(1);
    expect(await bench.describe(arn)).toMatchObject({ status: 'FAILED', error: 'States.HeartbeatTimeout' });
  });
});

describe('StartExecution', () => {
  const begin = (bench: Bench, more: Record<string, unknown>) => bench.call('StartExecution', { stateMachineArn: MACHINE_ARN, name: 'one', input: '{}', ...more });

  it('is the same execution for the same name and input while it runs', async () => {
    const bench = createBench();
    const arn = await bench.start(waiting, {}, 'one');
    expect(await begin(bench, {})).toEqual({ executionArn: arn, startDate: (await bench.describe(arn))['startDate'] });
    expect((await bench.call('ListExecutions', { stateMachineArn: MACHINE_ARN }))['executions']).toHaveLength(1);
  });

  it('refuses a used name with another input, and any use after the end', async () => {
    const bench = createBench();
    await bench.start(waiting, {}, 'one');
    await expect(begin(bench, { input: '{ }' })).rejects.toEqual(faultNamed('ExecutionAlreadyExists'));
    await bench.clock.advance(60_000);
    await expect(begin(bench, {})).rejects.toEqual(faultNamed('ExecutionAlreadyExists'));
  });

  it.each([
    [{ name: 'a b' }, 'InvalidName'],
    [{ name: 'x'.repeat(81) }, 'InvalidName'],
    [{ name: '' }, 'InvalidName'],
    [{ name: 'a/b' }, 'InvalidName'],
    [{ input: '{' }, 'InvalidExecutionInput'],
    [{ input: `"${'x'.repeat(262_143)}"` }, 'InvalidExecutionInput'],
    [{ stateMachineArn: `${MACHINE_ARN}2` }, 'StateMachineDoesNotExist'],
    [{ stateMachineArn: undefined }, 'ValidationException'],
  ])('%j is refused as %s', async (more, name) => {
    const bench = createBench();
    bench.host.define({ arn: MACHINE_ARN, definition: waiting, principal: 'Machine' });
    await expect(begin(bench, more)).rejects.toEqual(faultNamed(name));
  });
});

describe('the other actions', () => {
  it('each names the resource that IAM checks', async () => {
    const { bench, tokens, arn } = await startAwaiting();
    const resourceOf = async (action: string, input: Record<string, unknown>) => (await bench.host.serve(action, input, 'operator')).resource;
    const ofExecution = ['DescribeExecution', 'GetExecutionHistory'];
    for (const action of ofExecution) expect(await resourceOf(action, { executionArn: arn })).toBe(arn);
    expect(await resourceOf('SendTaskHeartbeat', { taskToken: tokens[0] })).toBe(MACHINE_ARN);
    expect(await resourceOf('SendTaskSuccess', { taskToken: tokens[0], output: '1' })).toBe(MACHINE_ARN);
    expect(await resourceOf('ListExecutions', { stateMachineArn: MACHINE_ARN })).toBe(MACHINE_ARN);
  });

  it('an unknown action is refused', async () => {
    await expect(createBench().call('RedriveExecution', {})).rejects.toEqual(faultNamed('UnknownOperationException'));
  });

  it('ListExecutions filters by status and pages from the newest', async () => {
    const bench = createBench();
    await bench.start(waiting, {}, 'old');
    await bench.clock.advance(60_000);
    await bench.start(waiting, {}, 'b');
    await bench.start(waiting, {}, 'c');
    const list = (more: Record<string, unknown>) => bench.call('ListExecutions', { stateMachineArn: MACHINE_ARN, ...more });
    const names = (answer: Record<string, unknown>) => (answer['executions'] as { name: string }[]).map(({ name }) => name);
    expect(names(await list({ statusFilter: 'SUCCEEDED' }))).toEqual(['old']);
    const first = await list({ maxResults: 2 });
    expect([names(first), names(await list({ maxResults: 2, nextToken: first['nextToken'] }))]).toEqual([['c', 'b'], ['old']]);
  });

  it('StopExecution aborts at once, past every Catch, and refuses the token', async () => {
    const { bench, tokens, arn, succeed } = await startAwaiting({ TimeoutSeconds: 100, Retry: [{ ErrorEquals: ['States.ALL'] }] });
    await bench.call('StopExecution', { executionArn: arn, error: 'Mine', cause: 'so' });
    expect(await bench.describe(arn)).toMatchObject({ status: 'ABORTED', error: 'Mine', cause: 'so' });
    await expect(succeed(tokens[0])).rejects.toEqual(faultNamed('TaskTimedOut'));
    expect(bench.clock.timers.size).toBe(0);
  });

  it('a fault in one execution leaves the others alone', async () => {
    const bench = createBench({ work: () => fails('Mine') });
    const good = await bench.start(waiting);
    const bad = await bench.start(machine({ A: task() }));
    await bench.clock.advance(60_000);
    expect([(await bench.describe(good))['status'], (await bench.describe(bad))['status']]).toEqual(['SUCCEEDED', 'FAILED']);
  });

  it('stop ends every execution and every timer', async () => {
    const bench = createBench();
    const arns = [await bench.start(waiting), await bench.start(waiting)];
    await bench.host.stop();
    for (const arn of arns) expect(await bench.describe(arn)).toMatchObject({ status: 'ABORTED' });
    expect(bench.clock.timers.size).toBe(0);
  });
});

describe('the end of an execution', () => {
  const END_EVENTS = /^Execution(Succeeded|Failed|TimedOut|Aborted)$/;
  const deed = fc.oneof(
    fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 150_000 }) }),
    fc.record({ kind: fc.constantFrom('success' as const, 'failure' as const, 'heartbeat' as const), which: fc.nat(3) }),
    fc.record({ kind: fc.constant('stop' as const) }),
  );

  it('comes exactly once, as the last event, and never changes, whatever comes in whichever order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { maxLength: 8 }), async (deeds) => {
        const { bench, tokens, arn, succeed } = await startAwaiting({ TimeoutSeconds: 60, HeartbeatSeconds: 40, Retry: [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 2 }] });
        let ended: unknown;
        for (const one of [...deeds, { kind: 'advance' as const, ms: 1_000_000 }]) {
          const refused = () => undefined;
          if (one.kind === 'advance') await bench.clock.advance(one.ms);
          if (one.kind === 'stop') await bench.call('StopExecution', { executionArn: arn });
          if (one.kind === 'success') await succeed(tokens[one.which] ?? 'none').catch(refused);
          if (one.kind === 'failure') await bench.call('SendTaskFailure', { taskToken: tokens[one.which] ?? 'none' }).catch(refused);
          if (one.kind === 'heartbeat') await bench.call('SendTaskHeartbeat', { taskToken: tokens[one.which] ?? 'none' }).catch(refused);
          await bench.clock.settle();
          const description = await bench.describe(arn);
          expect(description).toEqual(ended ?? description);
          if (description['status'] !== 'RUNNING') ended = description;
        }
        expect(ended).toBeDefined();
        const { events } = await bench.call('GetExecutionHistory', { executionArn: arn });
        const types = (events as { type: string }[]).map(({ type }) => type);
        expect(types.filter((type) => END_EVENTS.test(type))).toEqual([types.at(-1)]);
        expect(bench.clock.timers.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
