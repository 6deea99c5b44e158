import { z } from 'zod';
import { ConfigurationError } from '../../../shared/errors.ts';
import { ServiceFault, type JsonServiceHandler, type StateMachineHost, type StateMachineTools } from '../contracts.ts';
import { parseDefinition } from './definition.ts';
import { Executions, type Execution, type Machine } from './executions.ts';
import { isTooLarge, type Json } from './json.ts';
import { TaskTokens } from './task-tokens.ts';

interface Answer {
  readonly output: unknown;
  readonly resource: string;
}
type Action = (input: Record<string, unknown>) => Answer | Promise<Answer>;

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 1000;

const text = z.string();
const optionalText = z.string().nullish().transform((value) => value ?? undefined);
const pageSize = z.int().min(0).max(LARGEST_PAGE).nullish().transform((value) => value || DEFAULT_PAGE);
const status = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']).optional();
const requests = {
  start: z.object({ stateMachineArn: text, name: optionalText, input: optionalText }),
  execution: z.object({ executionArn: text }),
  stop: z.object({ executionArn: text, error: optionalText, cause: optionalText }),
  list: z.object({ stateMachineArn: text, statusFilter: status, maxResults: pageSize, nextToken: optionalText }),
  history: z.object({ executionArn: text, maxResults: pageSize, nextToken: optionalText, reverseOrder: z.boolean().nullish() }),
  success: z.object({ taskToken: text, output: text }),
  failure: z.object({ taskToken: text, error: optionalText, cause: optionalText }),
  heartbeat: z.object({ taskToken: text }),
};

const read = <T>(schema: z.ZodType<T>, input: unknown): T => {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new ServiceFault('ValidationException', parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
};

/** One page of a list; the token is the next index. */
const page = <T>(all: readonly T[], size: number, token: string | undefined): { readonly items: readonly T[]; readonly nextToken?: string } => {
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0 || from > all.length) throw new ServiceFault('InvalidToken', `Invalid Token: '${token}'`);
  const items = all.slice(from, from + size);
  return from + size < all.length ? { items, nextToken: String(from + size) } : { items };
};

const parseOutput = (output: string): Json => {
  try {
    if (!isTooLarge(output)) return JSON.parse(output) as Json;
  } catch (fault) {
    throw new ServiceFault('InvalidOutput', `Invalid Output: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
  throw new ServiceFault('InvalidOutput', 'Invalid Output: larger than 262144 bytes');
};

const summarize = ({ arn, name, machine, startedAtMs, end }: Execution) => ({
  executionArn: arn,
  stateMachineArn: machine.arn,
  name,
  status: end?.status ?? 'RUNNING',
  startDate: startedAtMs / 1000,
  ...(end === undefined ? {} : { stopDate: end.atMs / 1000 }),
});

const describe = (execution: Execution) => {
  const { end, inputText: input } = execution;
  const { atMs: _, status: __, ...rest } = end ?? { atMs: 0, status: '' };
  return { ...summarize(execution), input, ...rest };
};

const executionActions = (machines: ReadonlyMap<string, Machine>, executions: Executions): Record<string, Action> => {
  const machineOf = (arn: string): Machine => {
    const machine = machines.get(arn);
    if (machine === undefined) throw new ServiceFault('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    return machine;
  };
  return {
    StartExecution: (input) => {
      const { stateMachineArn: resource, ...request } = read(requests.start, input);
      const { arn: executionArn, startedAtMs } = executions.start(machineOf(resource), request);
      return { output: { executionArn, startDate: startedAtMs / 1000 }, resource };
    },
    DescribeExecution: (input) => {
      const { executionArn: resource } = read(requests.execution, input);
      return { output: describe(executions.find(resource)), resource };
    },
    ListExecutions: (input) => {
      const { stateMachineArn: resource, statusFilter, maxResults, nextToken } = read(requests.list, input);
      const all = executions.ofMachine(machineOf(resource).arn).map(summarize);
      const { items, ...more } = page(all.filter((one) => statusFilter === undefined || one.status === statusFilter), maxResults, nextToken);
      return { output: { executions: items, ...more }, resource };
    },
    StopExecution: async (input) => {
      const { executionArn: resource, ...reason } = read(requests.stop, input);
      const execution = executions.find(resource);
      await executions.stop(execution, reason);
      return { output: { stopDate: (execution.end?.atMs ?? execution.startedAtMs) / 1000 }, resource };
    },
    GetExecutionHistory: (input) => {
      const { executionArn: resource, maxResults, nextToken, reverseOrder } = read(requests.history, input);
      const { events } = executions.find(resource).history;
      const { items, ...more } = page(reverseOrder === true ? events.toReversed() : events, maxResults, nextToken);
      return { output: { events: items, ...more }, resource };
    },
  };
};

const tokenActions = (tokens: TaskTokens): Record<string, Action> => ({
  SendTaskSuccess: (input) => {
    const { taskToken, output } = read(requests.success, input);
    return { output: {}, resource: tokens.settle(taskToken, { ok: true, output: parseOutput(output) }) };
  },
  SendTaskFailure: (input) => {
    const { taskToken, error = '', cause = '' } = read(requests.failure, input);
    return { output: {}, resource: tokens.settle(taskToken, { ok: false, error, cause }) };
  },
  SendTaskHeartbeat: (input) => ({ output: {}, resource: tokens.beat(read(requests.heartbeat, input).taskToken) }),
});

const serveActions =
  (actions: Readonly<Record<string, Action>>): JsonServiceHandler =>
  async (name, input) => {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) throw new ServiceFault('UnknownOperationException', `expected one of ${Object.keys(actions).join(', ')}, got ${name}`);
    return action(input);
  };

/**
 * Runs state machines in this process: Amazon States Language with JSONPath, as far as `parseDefinition` lets it in.
 * Executions live as long as the host; `stop` aborts those that run and leaves no timer.
 */
export const createStateMachineHost = (tools: StateMachineTools): StateMachineHost => {
  const machines = new Map<string, Machine>();
  const tokens = new TaskTokens();
  const executions = new Executions({ tools, tokens, random: tools.random ?? Math.random });
  return {
    define({ arn, definition, principal }) {
      const name = /^arn:[^:]*:states:[^:]*:[^:]*:stateMachine:([^:]+)$/.exec(arn)?.[1];
      if (name === undefined) throw new ConfigurationError(`expected the ARN of a state machine, got ${JSON.stringify(arn)}`);
      machines.set(arn, { ...parseDefinition(definition, name), arn, name, principal });
    },
    serve: serveActions({ ...executionActions(machines, executions), ...tokenActions(tokens) }),
    stop: () => executions.stopAll(),
  };
};
