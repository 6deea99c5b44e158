import { randomUUID } from 'node:crypto';
import type { Flow, StateOf } from './definition.ts';
import { History } from './history.ts';
import { isJsonArray, isJsonObject, isObject, type Json, type JsonObject } from './json.ts';
import { readAt, type Scope } from './json-path.ts';
import { AbortedError, asStatesError, StatesError, StatesErrorName } from './states-error.ts';
import { serviceError } from './task.ts';
import { scopeOf, withinLimit, type Frame, type Visit } from './visit.ts';
import { abortable, mapConcurrently } from './waiting.ts';

type MapState = StateOf<'Map'>;
export type RunFlow = (flow: Flow, input: Json, frame: Frame) => Promise<Json>;

/** AWS runs 10,000 children (inline: 40) where MaxConcurrency is 0; one process does not. */
const MOST_CHILDREN_AT_ONCE = 40;

/** The body of the SDK's own answers. */
const isReadable = (body: unknown): body is { transformToString(): Promise<string> } => isObject(body) && typeof body['transformToString'] === 'function';

const bodyText = async (answer: unknown): Promise<string> => {
  const body: unknown = isObject(answer) ? answer['Body'] : undefined;
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  if (isReadable(body)) return body.transformToString();
  throw new Error('expected the object store to answer with a Body');
};

const readerFault = (cause: string): StatesError => new StatesError(StatesErrorName.itemReaderFailed, cause);

const readObject = async (frame: Frame, parameters: JsonObject): Promise<string> => {
  try {
    return await bodyText(await abortable(frame.runtime.tools.callService('s3', 'GetObject', { ...parameters }, frame.principal), frame.signal));
  } catch (fault) {
    throw frame.signal.aborted ? fault : readerFault(serviceError('S3', fault).message);
  }
};

const parseItems = (text: string, source: string): readonly Json[] => {
  try {
    const items = JSON.parse(text) as Json;
    if (isJsonArray(items)) return items;
  } catch (fault) {
    throw readerFault(`${source} is no JSON: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
  throw readerFault(`expected ${source} to hold a JSON array`);
};

const readItems = async ({ state, frame }: Visit<MapState>, scope: Scope): Promise<readonly Json[]> => {
  if (state.ItemReader !== undefined) {
    const parameters = state.ItemReader.Parameters(scope);
    return parseItems(await readObject(frame, isJsonObject(parameters) ? parameters : {}), `the object ${JSON.stringify(parameters)}`);
  }
  const items = state.ItemsPath === undefined ? scope.input : readAt(state.ItemsPath, scope);
  if (isJsonArray(items)) return items;
  throw new StatesError(StatesErrorName.runtime, `Map expects an array, got ${JSON.stringify(items)}`);
};

/** A child of a Distributed Map is an execution of its own: own name, own history. */
const childFrame = (visit: Visit<MapState>, context: JsonObject, input: Json, signal: AbortSignal): Frame => {
  const { frame, name } = visit;
  const id = randomUUID();
  const [machine, execution] = [frame.context['StateMachine'], frame.context['Execution']].map((value) => (isJsonObject(value) ? value : {}));
  const label = (text: Json | undefined) => `${typeof text === 'string' ? text : ''}/${name}`;
  const now = frame.runtime.tools.now;
  return {
    ...frame,
    signal,
    history: new History(now),
    context: {
      ...context,
      StateMachine: { ...machine, Id: label(machine?.['Id']), Name: label(machine?.['Name']) },
      Execution: { ...execution, Id: `${label(machine?.['Id']).replace(':stateMachine:', ':execution:')}:${id}`, Name: id, Input: input, StartTime: new Date(now()).toISOString() },
    },
  };
};

const runChild = async (visit: Visit<MapState>, scope: Scope, runFlow: RunFlow, [value, index, signal]: readonly [Json, number, AbortSignal]): Promise<Json> => {
  const { frame, state } = visit;
  const context = { ...frame.context, Map: { Item: { Index: index, Value: value } } };
  const item = withinLimit(state.ItemSelector === undefined ? value : state.ItemSelector({ input: scope.input, context: { ...(isJsonObject(scope.context) ? scope.context : {}), ...context } }), `Item ${index} of the Map`);
  const { config, flow } = state.ItemProcessor;
  if (config.Mode === 'DISTRIBUTED') return runFlow(flow, item, childFrame(visit, context, item, signal));
  frame.history.add('MapIterationStarted', { stateName: visit.name });
  const output = await runFlow(flow, item, { ...frame, signal, context });
  frame.history.add('MapIterationSucceeded', { stateName: visit.name });
  return output;
};

/** AWS: without tolerated failures one failed child fails a Distributed Map under this name; an inline Map fails with the child's own error. */
const mapFault = ({ state }: Visit<MapState>, fault: unknown): unknown => {
  if (state.ItemProcessor.config.Mode === 'INLINE' || fault instanceof AbortedError) return fault;
  const { error, message } = asStatesError(fault);
  return new StatesError(StatesErrorName.toleratedFailures, `The specified tolerated failure threshold was exceeded. The first failure was ${error}: ${message}`);
};

/** One try of a Map state. @returns the children's outputs in the order of the items. @throws StatesError */
export const runMap = async (visit: Visit<MapState>, input: Json, retryCount: number, runFlow: RunFlow): Promise<Json> => {
  const scope = scopeOf(visit, input, retryCount);
  const items = await readItems(visit, scope);
  const limit = Math.min(visit.state.MaxConcurrency || MOST_CHILDREN_AT_ONCE, MOST_CHILDREN_AT_ONCE);
  visit.frame.history.add('MapStateStarted', { stateName: visit.name });
  try {
    const outputs = await mapConcurrently(items, limit, visit.frame.signal, (value, index, signal) => runChild(visit, scope, runFlow, [value, index, signal]));
    visit.frame.history.add('MapStateSucceeded', { stateName: visit.name });
    return withinLimit(outputs, 'The result of the Map');
  } catch (fault) {
    throw mapFault(visit, fault);
  }
};
