import { ServiceFault, type InvokeAnswer } from '../contracts.ts';
import type { StateOf } from './definition.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import type { Scope } from './json-path.ts';
import { StatesError, StatesErrorName } from './states-error.ts';
import type { PendingTask } from './task-tokens.ts';
import { scopeOf, withinLimit, type Visit } from './visit.ts';
import { abortable, withDeadline } from './waiting.ts';

type Task = StateOf<'Task'>;
/** One try of a task. */
interface Attempt {
  readonly visit: Visit<Task>;
  readonly signal: AbortSignal;
  readonly parameters: JsonObject;
}

/** An integration's fault under the name that AWS gives it: `SQS.QueueDoesNotExistException`, `S3.SdkClientException`. */
export const serviceError = (service: string, fault: unknown): StatesError => {
  if (!(fault instanceof Error)) return new StatesError(`${service}.SdkClientException`, String(fault));
  const isAnswer = fault instanceof ServiceFault || '$fault' in fault;
  const name = isAnswer ? fault.name.replace(/(?:Exception)?$/, 'Exception') : 'SdkClientException';
  return new StatesError(`${service}.${name}`, `${fault.name}: ${fault.message}`);
};

const functionNameOf = (parameters: JsonObject): string => {
  const { FunctionName: given } = parameters;
  if (typeof given !== 'string') throw new StatesError(StatesErrorName.runtime, `FunctionName has to be a string, got ${JSON.stringify(given)}`);
  return /^arn:[^:]*:lambda:[^:]*:[^:]*:function:([^:]+)/.exec(given)?.[1] ?? given;
};

const invoke = async ({ visit: { frame }, signal, parameters }: Attempt): Promise<Json> => {
  const { invokeFunction } = frame.runtime.tools;
  let answer: InvokeAnswer;
  try {
    answer = await abortable(invokeFunction(functionNameOf(parameters), parameters.Payload ?? {}, frame.principal), signal);
  } catch (fault) {
    throw signal.aborted || fault instanceof StatesError ? fault : serviceError('Lambda', fault);
  }
  if (answer.ok) return { ExecutedVersion: '$LATEST', Payload: toJson(answer.payload), StatusCode: 200 };
  throw new StatesError(answer.errorType, JSON.stringify({ errorType: answer.errorType, errorMessage: answer.errorMessage, trace: [] }));
};

/** What a function or service answers may hold `undefined` or dates; on the wire there is only JSON. */
const toJson = (value: unknown): Json => (value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json));

const sendMessage = async ({ visit: { frame }, signal, parameters }: Attempt): Promise<Json> => {
  const { MessageBody: body } = parameters;
  const input = { ...parameters, MessageBody: typeof body === 'string' ? body : JSON.stringify(body) };
  try {
    return toJson(await abortable(frame.runtime.tools.callService('sqs', 'SendMessage', input, frame.principal), signal));
  } catch (fault) {
    throw signal.aborted ? fault : serviceError('SQS', fault);
  }
};

/** Rejects once no heartbeat has come for HeartbeatSeconds. */
const watchHeartbeat = async ({ visit, signal }: Attempt, task: PendingTask): Promise<never> => {
  const { HeartbeatSeconds: seconds } = visit.state;
  if (seconds === undefined) return abortable(new Promise<never>(() => {}), signal);
  for (;;) {
    const late = () => new StatesError(StatesErrorName.heartbeatTimeout, `No heartbeat came for ${seconds} seconds.`);
    await withDeadline(visit.frame.runtime.tools, { ms: seconds * 1000, late }, signal, () => task.nextHeartbeat());
  }
};

/** The callback may come before the function has answered; a function that fails first fails the task. */
const invokeAndWait = async (attempt: Attempt, task: PendingTask): Promise<Json> => {
  const failure = invoke(attempt).then(() => {
    attempt.visit.frame.history.add('TaskSubmitted', { stateName: attempt.visit.name });
    return abortable(new Promise<never>(() => {}), attempt.signal);
  });
  const outcome = await Promise.race([task.outcome, failure, watchHeartbeat(attempt, task)]);
  if (outcome.ok) return outcome.output;
  throw new StatesError(outcome.error, outcome.cause);
};

const evaluate = (task: Task, scope: Scope): JsonObject => {
  const parameters = withinLimit(task.Parameters.evaluate(scope), 'The input of the task');
  return isJsonObject(parameters) ? parameters : {};
};

const runWithToken = async (visit: Visit<Task>, input: Json, retryCount: number, signal: AbortSignal): Promise<Json> => {
  const task = visit.frame.runtime.tokens.open(visit.frame.machineArn);
  const over = new AbortController();
  try {
    const parameters = evaluate(visit.state, scopeOf(visit, input, retryCount, { Task: { Token: task.token } }));
    return await invokeAndWait({ visit, signal: AbortSignal.any([signal, over.signal]), parameters }, task);
  } finally {
    task.close();
    over.abort();
  }
};

const runResource = async (visit: Visit<Task>, input: Json, retryCount: number, signal: AbortSignal): Promise<Json> => {
  const { Resource: resource } = visit.state;
  if (resource === 'arn:aws:states:::lambda:invoke.waitForTaskToken') return runWithToken(visit, input, retryCount, signal);
  const attempt = { visit, signal, parameters: evaluate(visit.state, scopeOf(visit, input, retryCount)) };
  return resource === 'arn:aws:states:::sqs:sendMessage' ? sendMessage(attempt) : invoke(attempt);
};

/** One try of a Task state. @returns the resource's answer as AWS shapes it. @throws StatesError */
export const runTask = async (visit: Visit<Task>, input: Json, retryCount: number): Promise<Json> => {
  const { history, signal, runtime } = visit.frame;
  const { TimeoutSeconds: seconds } = visit.state;
  const late = () => new StatesError(StatesErrorName.timeout, seconds === undefined ? '' : `The task ran longer than ${seconds} seconds.`);
  history.add('TaskScheduled', { stateName: visit.name });
  history.add('TaskStarted', { stateName: visit.name });
  try {
    const result = await withDeadline(runtime.tools, { ms: seconds === undefined ? undefined : seconds * 1000, late }, signal, (inner) => runResource(visit, input, retryCount, inner));
    history.add('TaskSucceeded', { stateName: visit.name });
    return withinLimit(result, 'The result of the task');
  } catch (fault) {
    if (fault instanceof StatesError && !signal.aborted) {
      history.add(fault.error === StatesErrorName.timeout || fault.error === StatesErrorName.heartbeatTimeout ? 'TaskTimedOut' : 'TaskFailed', { stateName: visit.name, error: fault.error, cause: fault.message });
    }
    throw fault;
  }
};
