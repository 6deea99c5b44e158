import type { Flow, State, StateOf } from './definition.ts';
import type { Json } from './json.ts';
import { putAt, readAt, type JsonPath, type Scope } from './json-path.ts';
import { runMap } from './map.ts';
import { matchesError, RetryBudget } from './retry.ts';
import { AbortedError, asStatesError, HistoryLimitError, StatesError, StatesErrorName } from './states-error.ts';
import { runTask } from './task.ts';
import { scopeOf, withinLimit, type Frame, type Step, type Visit } from './visit.ts';
import { mapConcurrently, waitFor } from './waiting.ts';

type Handling = StateOf<'Task'> | StateOf<'Parallel'> | StateOf<'Map'>;
type Producing = Handling | StateOf<'Pass'>;
type MaybePath = JsonPath | null | undefined;

/** InputPath and OutputPath: absent is all, null is `{}`. */
const select = (path: MaybePath, scope: Scope): Json => (path === undefined ? scope.input : path === null ? {} : readAt(path, scope));
const placeResult = (path: MaybePath, input: Json, result: Json): Json => (path === undefined ? result : path === null ? input : putAt(path, input, result));

const inputOf = (visit: Visit<Exclude<State, { Type: 'Fail' }>>): Json => select(visit.state.InputPath, scopeOf(visit, visit.input));
const outputOf = (visit: Visit<Exclude<State, { Type: 'Fail' }>>, value: Json): Json => select(visit.state.OutputPath, scopeOf(visit, value));
const finish = (visit: Visit<Producing>, result: Json): Step => ({ output: outputOf(visit, placeResult(visit.state.ResultPath, visit.input, result)), next: visit.state.Next });

const runPass = (visit: Visit<StateOf<'Pass'>>): Step => {
  const { Result: fixed, Parameters: parameters } = visit.state;
  const input = inputOf(visit);
  const shaped = parameters === undefined ? input : parameters(scopeOf(visit, input));
  return finish(visit, fixed === undefined ? shaped : (fixed as Json));
};

const runChoice = (visit: Visit<StateOf<'Choice'>>): Step => {
  const input = inputOf(visit);
  const scope = scopeOf(visit, input);
  const next = visit.state.Choices.find((choice) => choice.matches(scope))?.Next ?? visit.state.Default;
  if (next === undefined) throw new StatesError(StatesErrorName.noChoiceMatched, `State ${visit.name} has no choice for its input and no Default.`);
  return { output: outputOf(visit, input), next };
};

const asText = (value: Json): string => {
  if (typeof value === 'string') return value;
  throw new StatesError(StatesErrorName.runtime, `expected a string, got ${JSON.stringify(value)}`);
};

const waitMs = ({ state, frame }: Visit<StateOf<'Wait'>>, scope: Scope): number => {
  const untilText = state.TimestampPath === undefined ? state.Timestamp : readAt(state.TimestampPath, scope);
  if (untilText !== undefined) return Math.max(0, Date.parse(asText(untilText)) - frame.runtime.tools.now());
  return Number(state.SecondsPath === undefined ? state.Seconds : readAt(state.SecondsPath, scope)) * 1000;
};

const runWait = async (visit: Visit<StateOf<'Wait'>>): Promise<Step> => {
  const input = inputOf(visit);
  const ms = waitMs(visit, scopeOf(visit, input));
  if (!(ms >= 0)) throw new StatesError(StatesErrorName.runtime, `State ${visit.name} expects seconds (0 or more) or a timestamp to wait for.`);
  await waitFor(visit.frame.runtime.tools, ms, visit.frame.signal);
  return { output: outputOf(visit, input), next: visit.state.Next };
};

const runFail = (visit: Visit<StateOf<'Fail'>>): never => {
  const { Error: error, ErrorPath: errorPath, Cause: cause, CausePath: causePath } = visit.state;
  const scope = scopeOf(visit, visit.input);
  throw new StatesError(asText(errorPath?.(scope) ?? error ?? ''), asText(causePath?.(scope) ?? cause ?? ''));
};

const runBranches = async (visit: Visit<StateOf<'Parallel'>>, input: Json, retryCount: number): Promise<Json> => {
  const { Branches: branches, Parameters: parameters } = visit.state;
  const { frame } = visit;
  const shaped = parameters === undefined ? input : parameters(scopeOf(visit, input, retryCount));
  return mapConcurrently(branches, branches.length, frame.signal, (branch, _, signal) => runFlow(branch, shaped, { ...frame, signal }));
};

const attempt = async (visit: Visit<Handling>, input: Json, retryCount: number): Promise<Json> => {
  switch (visit.state.Type) {
    case 'Task':
      return runTask(visit as Visit<StateOf<'Task'>>, input, retryCount);
    case 'Map':
      return runMap(visit as Visit<StateOf<'Map'>>, input, retryCount, runFlow);
    case 'Parallel':
      return runBranches(visit as Visit<StateOf<'Parallel'>>, input, retryCount);
  }
};

/** @returns the fault as one that Retry and Catch may look at. @throws what they may not: an abort, the end of the history. */
const handleable = (visit: Visit, fault: unknown): StatesError => {
  if (visit.frame.signal.aborted || fault instanceof AbortedError) throw new AbortedError('The execution was stopped.');
  if (fault instanceof HistoryLimitError) throw fault;
  return asStatesError(fault);
};

const retry = async (visit: Visit<Handling>): Promise<Step> => {
  const { runtime, signal } = visit.frame;
  const budget = new RetryBudget(visit.state.Retry, runtime.random);
  for (;;) {
    try {
      const result = await attempt(visit, inputOf(visit), budget.count);
      const { ResultSelector: selector } = visit.state;
      return finish(visit, selector === undefined ? result : selector(scopeOf(visit, result, budget.count)));
    } catch (fault) {
      const error = handleable(visit, fault);
      const delayMs = budget.take(error);
      if (delayMs === undefined) throw error;
      await waitFor(runtime.tools, delayMs, signal);
    }
  }
};

const runHandling = async (visit: Visit<Handling>): Promise<Step> => {
  try {
    return await retry(visit);
  } catch (fault) {
    const error = handleable(visit, fault);
    const catcher = visit.state.Catch.find(({ ErrorEquals: names }) => matchesError(names, error));
    if (catcher === undefined) throw error;
    const output = placeResult(catcher.ResultPath, visit.input, { Error: error.error, Cause: error.message });
    return { output: withinLimit(output, `The output of state ${visit.name}`), next: catcher.Next };
  }
};

const runState = async (visit: Visit): Promise<Step> => {
  const { state } = visit;
  switch (state.Type) {
    case 'Pass':
      return runPass({ ...visit, state });
    case 'Choice':
      return runChoice({ ...visit, state });
    case 'Wait':
      return runWait({ ...visit, state });
    case 'Succeed':
      return { output: outputOf({ ...visit, state }, inputOf({ ...visit, state })), next: undefined };
    case 'Fail':
      return runFail({ ...visit, state });
    default:
      return runHandling({ ...visit, state });
  }
};

const enter = (flow: Flow, name: string, input: Json, frame: Frame): Visit => {
  const state = flow.states.get(name);
  if (state === undefined) throw new StatesError(StatesErrorName.runtime, `There is no state ${name}.`);
  frame.history.add(`${state.Type}StateEntered`, { stateName: name });
  return { frame, name, state, input, enteredAt: new Date(frame.runtime.tools.now()).toISOString() };
};

/** Walks a flow from its start to its end. @returns the last state's output. @throws StatesError for a failure, AbortedError after a stop. */
export const runFlow = async (flow: Flow, input: Json, frame: Frame): Promise<Json> => {
  let step: Step = { output: input, next: flow.startAt };
  while (step.next !== undefined) {
    if (frame.signal.aborted) throw new AbortedError('The execution was stopped.');
    const visit = enter(flow, step.next, step.output, frame);
    step = await runState(visit);
    withinLimit(step.output, `The output of state ${visit.name}`);
    frame.history.add(`${visit.state.Type}StateExited`, { stateName: visit.name });
  }
  return step.output;
};
