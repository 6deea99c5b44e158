import { z } from 'zod';
import { ConfigurationError } from '../../../shared/errors.ts';
import { compileChoiceRule, type ChoiceRule } from './choice-rule.ts';
import { checkFlow } from './definition-checks.ts';
import { compileExpression } from './intrinsics.ts';
import { isObject } from './json.ts';
import { compilePath } from './json-path.ts';
import { compileTemplate } from './payload-template.ts';

/** Step Functions: MaxAttempts and MaxDelaySeconds end here. */
const MAX_ATTEMPTS = 99_999_999;
const MAX_DELAY_SECONDS = 31_622_400;
const MAX_TIMEOUT_SECONDS = 99_999_999;

/** A field that is compiled once, when the machine is defined; a fault becomes an issue at the field. */
const compiled = <T>(compile: (value: unknown) => T) =>
  z.unknown().transform((value, ctx): T => {
    try {
      return compile(value);
    } catch (fault) {
      ctx.addIssue({ code: 'custom', message: fault instanceof Error ? fault.message : String(fault) });
      return z.NEVER;
    }
  });

const stringOr = <T>(compile: (text: string) => T) =>
  compiled((value): T => {
    if (typeof value !== 'string') throw new Error(`expected a string, got ${JSON.stringify(value)}`);
    return compile(value);
  });

const referencePath = (text: string) => {
  const path = compilePath(text);
  if (path.root === 'context') throw new Error(`expected a path into the input, got ${JSON.stringify(text)}`);
  return path;
};

/** Names without `.$` beside the template: which parameters an integration takes is checked once all states are known. */
const compileTaskParameters = (value: unknown) => {
  if (!isObject(value)) throw new Error(`expected an object, got ${JSON.stringify(value)}`);
  return { names: Object.keys(value).map((name) => name.replace(/\.\$$/, '')), evaluate: compileTemplate(value) };
};

const template = compiled(compileTemplate);
const path = stringOr(compilePath);
const expression = stringOr(compileExpression);
const seconds = z.int().min(1).max(MAX_TIMEOUT_SECONDS);
const errorEquals = z.array(z.string().min(1)).min(1);
/** Outside law: null as InputPath or OutputPath stands for `{}`, as ResultPath it drops the result. */
const pathOrNull = z.union([z.null(), path]).optional();
const resultPath = z.union([z.null(), stringOr(referencePath)]).optional();

const comment = { Comment: z.string().optional() };
const io = { InputPath: pathOrNull, OutputPath: pathOrNull };
const flowing = { Next: z.string().optional(), End: z.literal(true).optional() };
const producing = { ...comment, ...io, ...flowing, ResultPath: resultPath };

const retrier = z.strictObject({
  ...comment,
  ErrorEquals: errorEquals,
  IntervalSeconds: z.int().min(1).max(MAX_TIMEOUT_SECONDS).default(1),
  MaxAttempts: z.int().min(0).max(MAX_ATTEMPTS).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.int().min(1).max(MAX_DELAY_SECONDS).optional(),
  JitterStrategy: z.enum(['FULL', 'NONE']).default('NONE'),
});
const catcher = z.strictObject({ ...comment, ErrorEquals: errorEquals, ResultPath: resultPath, Next: z.string() });
const handling = { ResultSelector: template.optional(), Retry: z.array(retrier).default([]), Catch: z.array(catcher).default([]) };

const choice = z.unknown().transform((value, ctx): { readonly matches: ChoiceRule; readonly Next: string } => {
  const { Next, Comment: _, ...rule } = isObject(value) ? value : {};
  try {
    if (typeof Next !== 'string') throw new Error(`expected Next to name a state, got ${JSON.stringify(Next)}`);
    return { matches: compileChoiceRule(rule), Next };
  } catch (fault) {
    ctx.addIssue({ code: 'custom', message: fault instanceof Error ? fault.message : String(fault) });
    return z.NEVER;
  }
});

/** A graph of states: the machine itself, a branch of Parallel, what a Map does to each item. */
export interface Flow {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, State>;
}

/** Recursion goes through this function, so that the type of a state can be inferred. */
const innerFlow = z.unknown().transform((value, ctx): Flow => {
  const parsed = flowSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path: at, message } of parsed.error.issues) ctx.addIssue({ code: 'custom', path: [...at], message });
  return z.NEVER;
});

const processorConfig = z.discriminatedUnion('Mode', [
  z.strictObject({ Mode: z.literal('INLINE') }),
  z.strictObject({ Mode: z.literal('DISTRIBUTED'), ExecutionType: z.enum(['STANDARD', 'EXPRESS']) }),
]);
const itemProcessor = z
  .looseObject({ ProcessorConfig: processorConfig.default({ Mode: 'INLINE' }) })
  .transform(({ ProcessorConfig: config, ...flow }, ctx) => {
    const parsed = innerFlow.safeParse(flow);
    if (parsed.success) return { config, flow: parsed.data };
    for (const { path: at, message } of parsed.error.issues) ctx.addIssue({ code: 'custom', path: [...at], message });
    return z.NEVER;
  });

const itemReader = z.strictObject({
  Resource: z.literal('arn:aws:states:::s3:getObject'),
  ReaderConfig: z.strictObject({ InputType: z.literal('JSON') }),
  Parameters: template,
});

const states = {
  Pass: z.strictObject({ Type: z.literal('Pass'), ...producing, Parameters: template.optional(), Result: z.unknown().optional() }),
  Task: z.strictObject({
    Type: z.literal('Task'),
    ...producing,
    ...handling,
    Resource: z.enum(['arn:aws:states:::lambda:invoke', 'arn:aws:states:::lambda:invoke.waitForTaskToken', 'arn:aws:states:::sqs:sendMessage']),
    Parameters: compiled(compileTaskParameters),
    TimeoutSeconds: seconds.optional(),
    HeartbeatSeconds: seconds.optional(),
  }),
  Choice: z.strictObject({ Type: z.literal('Choice'), ...comment, ...io, Choices: z.array(choice).min(1), Default: z.string().optional() }),
  Wait: z.strictObject({
    Type: z.literal('Wait'),
    ...comment,
    ...io,
    ...flowing,
    Seconds: z.int().min(0).max(MAX_TIMEOUT_SECONDS).optional(),
    SecondsPath: path.optional(),
    Timestamp: z.iso.datetime({ offset: true }).optional(),
    TimestampPath: path.optional(),
  }),
  Succeed: z.strictObject({ Type: z.literal('Succeed'), ...comment, ...io }),
  Fail: z.strictObject({
    Type: z.literal('Fail'),
    ...comment,
    Error: z.string().optional(),
    ErrorPath: expression.optional(),
    Cause: z.string().optional(),
    CausePath: expression.optional(),
  }),
  Parallel: z.strictObject({ Type: z.literal('Parallel'), ...producing, ...handling, Parameters: template.optional(), Branches: z.array(innerFlow).min(1) }),
  Map: z.strictObject({
    Type: z.literal('Map'),
    ...producing,
    ...handling,
    ItemProcessor: itemProcessor,
    ItemReader: itemReader.optional(),
    ItemsPath: path.optional(),
    ItemSelector: template.optional(),
    MaxConcurrency: z.int().min(0).default(0),
  }),
};

const stateSchema = z.discriminatedUnion('Type', [states.Pass, states.Task, states.Choice, states.Wait, states.Succeed, states.Fail, states.Parallel, states.Map]);

export type State = z.infer<typeof stateSchema>;
export type StateOf<T extends State['Type']> = Extract<State, { Type: T }>;

const graph = z.strictObject({ ...comment, StartAt: z.string(), States: z.record(z.string().min(1).max(80), stateSchema) });
const flowSchema = graph.transform(({ StartAt, States }, ctx): Flow => {
  const flow: Flow = { startAt: StartAt, states: new Map(Object.entries(States)) };
  for (const { at, message } of checkFlow(flow)) ctx.addIssue({ code: 'custom', path: at, message });
  return flow;
});

const machineSchema = z.strictObject({ TimeoutSeconds: seconds.optional(), Version: z.literal('1.0').optional(), QueryLanguage: z.literal('JSONPath').optional() });

export interface MachineDefinition {
  readonly flow: Flow;
  readonly timeoutSeconds: number | undefined;
}

/** Reads a definition in Amazon States Language. @throws ConfigurationError that names every fault with its place. */
export const parseDefinition = (definition: unknown, name: string): MachineDefinition => {
  const { TimeoutSeconds, Version, QueryLanguage, ...graphFields } = isObject(definition) ? definition : {};
  const outer = machineSchema.safeParse({ TimeoutSeconds, Version, QueryLanguage });
  const flow = flowSchema.safeParse(graphFields);
  if (outer.success && flow.success) return { flow: flow.data, timeoutSeconds: outer.data.TimeoutSeconds };
  const issues = [...(outer.error?.issues ?? []), ...(flow.error?.issues ?? [])];
  const faults = issues.map((issue) => `  ${issue.path.join('.') || '(definition)'}: ${issue.message}`);
  throw new ConfigurationError(`State machine ${name} can't be run here:\n${faults.join('\n')}\nCorrect the definition, or teach the interpreter what it lacks.`);
};
