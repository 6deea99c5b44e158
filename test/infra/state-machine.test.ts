import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseDefinition, type Flow } from '../../localstack/embedded/state-machine/definition.ts';
import * as errors from '../../shared/errors.ts';
import { awaitInputSchema, dispatchMessageSchema, failInputSchema, runInputSchema } from '../../shared/messages.ts';
import { createBench, fails, MACHINE_ARN, type Lambda } from '../unit/localstack/embedded/state-machine/bench.ts';

const TEXT = readFileSync(new URL('../../state-machines/run.asl.json', import.meta.url), 'utf8');
const PLACEHOLDERS = ['PlanRunArn', 'AwaitRunArn', 'MergeResultsArn', 'FinishRunArn', 'DispatchQueueUrl'];
/** What CloudFormation does with DefinitionSubstitutions: here each name stands for itself. */
const DEFINITION: unknown = JSON.parse(TEXT.replaceAll(/\$\{(\w+)\}/g, '$1'));
const RUN = `r${'a'.repeat(25)}`;
const INPUT = { v: 1, run: RUN };

const OF_AWS = new Set([
  'States.ALL',
  'States.TaskFailed',
  'States.Timeout',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
  'Lambda.ClientExecutionTimeoutException',
]);

interface Handler {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts?: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly JitterStrategy?: string;
}
interface RawState {
  readonly Type: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly Handler[];
  readonly Catch?: readonly (Handler & { readonly Next: string })[];
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, RawState>> };
}
const statesOf = (machine: unknown): [string, RawState][] =>
  Object.entries((machine as { States: Record<string, RawState> }).States).flatMap(([name, state]) => [[name, state] as [string, RawState], ...(state.ItemProcessor === undefined ? [] : statesOf(state.ItemProcessor))]);
const STATES = statesOf(DEFINITION);
const TASKS = STATES.filter(([, { Type }]) => Type === 'Task');

const OURS: readonly errors.SpillwayError[] = Object.values(errors)
  .filter((one) => one !== errors.SpillwayError)
  .map((one) => Reflect.construct(one, ['']) as errors.SpillwayError);

describe('the definition of a run', () => {
  it('is one that the interpreter takes without a fault', () => {
    expect(parseDefinition(DEFINITION, 'run').flow.startAt).toBe('Plan');
  });

  it('has exactly the placeholders that the stack fills', () => {
    expect(new Set(Array.from(TEXT.matchAll(/\$\{(\w+)\}/g), ([, name]) => name))).toEqual(new Set(PLACEHOLDERS));
  });

  it('matches only errors that exist in shared/errors.ts or are of AWS', () => {
    const ours = new Set(OURS.map(({ name }) => name));
    const named = STATES.flatMap(([, { Retry = [], Catch = [] }]) => [...Retry, ...Catch].flatMap(({ ErrorEquals }) => ErrorEquals));
    expect(named.filter((name) => !ours.has(name) && !OF_AWS.has(name))).toEqual([]);
  });

  it.each(TASKS.filter(([name]) => name !== 'Open'))('%s never retries an error that is not retryable', (_, { Retry = [] }) => {
    expect(Retry[0]).toEqual({ ErrorEquals: OURS.filter(({ retryable }) => !retryable).map(({ name }) => name), MaxAttempts: 0 });
  });

  it.each(TASKS)('%s retries every other failure with back-off and full jitter', (_, { Retry = [] }) => {
    const last = Retry.at(-1);
    expect(last).toMatchObject({ ErrorEquals: ['States.TaskFailed'], JitterStrategy: 'FULL' });
    expect(last?.BackoffRate).toBeGreaterThan(1);
  });

  it('waits for an hour at a time and starts waiting again for as long as it takes', () => {
    const awaiting = STATES.find(([name]) => name === 'Await')?.[1];
    expect(awaiting?.TimeoutSeconds).toBe(3600);
    expect(awaiting?.Retry?.find(({ ErrorEquals }) => ErrorEquals.includes('States.Timeout'))).toEqual({ ErrorEquals: ['States.Timeout'], IntervalSeconds: 1, MaxAttempts: 99_999_999, BackoffRate: 1 });
  });

  it('leads every failure outside of Fail through Fail', () => {
    const outer = Object.entries((DEFINITION as { States: Record<string, RawState> }).States).filter(([name]) => !name.startsWith('Fail'));
    for (const [name, state] of outer) expect({ name, ways: state.Catch?.map(({ ErrorEquals, Next }) => [ErrorEquals, Next]) }).toEqual({ name, ways: [[['States.ALL'], 'Fail']] });
  });

  it('ends on every path', () => {
    const endsWithin = (flow: Flow, name: string, steps: number): boolean => {
      const state = flow.states.get(name);
      if (state === undefined || steps === 0) return false;
      if (state.Type === 'Succeed' || state.Type === 'Fail') return true;
      const ways = [...('Next' in state && state.Next !== undefined ? [state.Next] : []), ...('Catch' in state ? state.Catch.map(({ Next }) => Next) : [])];
      const isEnd = 'End' in state && state.End === true;
      return (isEnd || ways.length > 0) && ways.every((next) => endsWithin(flow, next, steps - 1));
    };
    const { flow } = parseDefinition(DEFINITION, 'run');
    expect(endsWithin(flow, flow.startAt, flow.states.size)).toBe(true);
  });
});

const shards = (count: number) => Array.from({ length: count }, (_, shard) => ({ v: 1, run: RUN, shard }));
const sentSchema = z.object({ QueueUrl: z.literal('DispatchQueueUrl'), MessageBody: z.string(), MessageGroupId: z.literal('dispatch'), MessageDeduplicationId: z.string() });

/** The real definition over fakes whose inputs must parse with the functions' own schemas. */
const runMachine = async (overrides: Readonly<Record<string, Lambda>> = {}, shardCount = 3) => {
  const journal: unknown[][] = [];
  const sent: z.infer<typeof sentSchema>[] = [];
  const step = (name: string, schema: z.ZodType, answer: Lambda): Lambda => async (event) => {
    journal.push([name, schema.parse(event)]);
    return (overrides[name] ?? answer)(event);
  };
  const finishSchema = z.union([failInputSchema, runInputSchema]);
  const bench = createBench(
    {
      PlanRunArn: step('PlanRunArn', runInputSchema, () => ({ ...INPUT, bucket: 'results', shardsKey: 'plan/shards.json' })),
      AwaitRunArn: step('AwaitRunArn', awaitInputSchema, async ({ token }) => bench.call('SendTaskSuccess', { taskToken: token, output: '{}' })),
      MergeResultsArn: step('MergeResultsArn', runInputSchema, () => ({})),
      FinishRunArn: step('FinishRunArn', finishSchema, () => ({})),
    },
    {
      s3: (_, input) => {
        expect(input).toEqual({ Bucket: 'results', Key: 'plan/shards.json' });
        return { Body: JSON.stringify(shards(shardCount)) };
      },
      sqs: (_, input) => {
        sent.push(sentSchema.parse(input));
        return { MessageId: 'm' };
      },
    },
  );
  const description = await bench.run(DEFINITION, INPUT);
  return { description, sent, journal, calls: journal.map(([name]) => name) };
};

describe('a run of the definition', () => {
  it('gives each function an input that its schema takes, in order', async () => {
    const { description, calls, journal } = await runMachine();
    expect(description).toMatchObject({ status: 'SUCCEEDED' });
    expect(calls).toEqual(['PlanRunArn', 'AwaitRunArn', 'MergeResultsArn', 'FinishRunArn']);
    expect(journal[1]?.[1]).toMatchObject({ run: RUN, attempt: 0, execution: String(description['name']) });
  });

  it('sends one open message for each shard, with an id that a second sending shares', async () => {
    const { sent } = await runMachine({}, 5);
    expect(sent.map(({ MessageBody: body }) => dispatchMessageSchema.parse(JSON.parse(body)))).toEqual(shards(5).map((entry) => ({ ...entry, type: 'open' })));
    expect(sent.map(({ MessageDeduplicationId: id }) => id)).toEqual(shards(5).map(({ run, shard }) => `open/${run}/${shard}`));
  });

  it('stays below the payload limit with 50,000 shards', async () => {
    const { description, sent } = await runMachine({}, 50_000);
    expect(description).toMatchObject({ status: 'SUCCEEDED' });
    expect(sent).toHaveLength(50_000);
  });

  it('ends a run without shards', async () => {
    expect((await runMachine({}, 0)).description).toMatchObject({ status: 'SUCCEEDED' });
  });

  it.each(['PlanRunArn', 'AwaitRunArn', 'MergeResultsArn', 'FinishRunArn'])('a refusal by %s is recorded once by Fail before the execution ends as failed', async (name) => {
    const { description, calls, journal } = await runMachine({ [name]: (event) => ('error' in event ? {} : fails('ManifestRefusedError', 'Only bad rows.')) });
    expect(description).toMatchObject({ status: 'FAILED', error: 'ManifestRefusedError' });
    expect(calls.filter((one) => one === name)).toHaveLength(name === 'FinishRunArn' ? 2 : 1);
    expect(journal.at(-1)).toEqual(['FinishRunArn', { ...INPUT, error: { Error: 'ManifestRefusedError', Cause: expect.stringContaining('Only bad rows.') as string } }]);
  });

  it('retries a retryable error until it gives up, and then fails with its name', async () => {
    const { description, calls } = await runMachine({ MergeResultsArn: () => fails('BrokenObjectError') });
    expect(description).toMatchObject({ status: 'FAILED', error: 'BrokenObjectError' });
    expect(calls.filter((name) => name === 'MergeResultsArn')).toHaveLength(5);
  });

  it('asks again with a new token and a higher attempt when nobody answers for an hour', async () => {
    const seen: unknown[] = [];
    const bench = createBench(
      {
        PlanRunArn: () => ({ ...INPUT, bucket: 'results', shardsKey: 'plan/shards.json' }),
        AwaitRunArn: async (event) => {
          seen.push([awaitInputSchema.parse(event).attempt, event['token']]);
          return seen.length < 4 ? {} : bench.call('SendTaskSuccess', { taskToken: event['token'], output: '{}' });
        },
      },
      { s3: () => ({ Body: '[]' }) },
    );
    const description = await bench.run(DEFINITION, INPUT);
    expect(description).toMatchObject({ status: 'SUCCEEDED', stateMachineArn: MACHINE_ARN });
    expect(seen.map((pair) => (pair as unknown[])[0])).toEqual([0, 1, 2, 3]);
    expect(new Set(seen.map((pair) => (pair as unknown[])[1])).size).toBe(4);
    expect(Number(description['stopDate']) - Number(description['startDate'])).toBe(3 * 3601);
  });
});
