import type { Flow, State } from './definition.ts';
import { StatesErrorName } from './states-error.ts';

export interface Fault {
  readonly at: (string | number)[];
  readonly message: string;
}

const successors = (state: State): string[] => {
  const next = 'Next' in state && state.Next !== undefined ? [state.Next] : [];
  if (state.Type === 'Choice') return [...state.Choices.map((choice) => choice.Next), ...(state.Default === undefined ? [] : [state.Default])];
  return 'Catch' in state ? [...next, ...state.Catch.map((catcher) => catcher.Next)] : next;
};

const reachable = (flow: Flow): Set<string> => {
  const seen = new Set([flow.startAt]);
  for (const name of seen) for (const next of successorsOf(flow, name)) seen.add(next);
  return seen;
};
const successorsOf = (flow: Flow, name: string): string[] => {
  const state = flow.states.get(name);
  return state === undefined ? [] : successors(state);
};

const exactlyOne = (state: object, names: readonly string[]): string[] => {
  const given = names.filter((name) => name in state && (state as Record<string, unknown>)[name] !== undefined);
  return given.length === 1 ? [] : [`expected exactly one of ${names.join(', ')}, got ${given.join(', ') || 'none'}`];
};

/** Outside law: `States.ALL` stands alone in its list, and that list is the last. */
const wildcardFaults = (field: string, handlers: readonly { readonly ErrorEquals: readonly string[] }[]): string[] =>
  handlers.flatMap(({ ErrorEquals: names }, index) => {
    if (!names.includes(StatesErrorName.all)) return [];
    if (names.length > 1) return [`expected ${StatesErrorName.all} to stand alone in ${field}[${index}].ErrorEquals`];
    return index === handlers.length - 1 ? [] : [`expected ${StatesErrorName.all} only in the last of ${field}, got it at ${index}`];
  });

interface Parameters {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}
const LAMBDA: Parameters = { required: ['FunctionName'], optional: ['Payload'] };
const PARAMETERS: Readonly<Record<Extract<State, { Type: 'Task' }>['Resource'], Parameters>> = {
  'arn:aws:states:::lambda:invoke': LAMBDA,
  'arn:aws:states:::lambda:invoke.waitForTaskToken': LAMBDA,
  'arn:aws:states:::sqs:sendMessage': { required: ['QueueUrl', 'MessageBody'], optional: ['MessageGroupId', 'MessageDeduplicationId', 'DelaySeconds', 'MessageAttributes'] },
};

const taskFaults = (state: Extract<State, { Type: 'Task' }>): string[] => {
  const { required, optional } = PARAMETERS[state.Resource];
  const { names } = state.Parameters;
  const unknown = names.filter((name) => !required.includes(name) && !optional.includes(name));
  const missing = required.filter((name) => !names.includes(name));
  return [
    ...unknown.map((name) => `expected only ${[...required, ...optional].join(', ')} in Parameters, got ${name}`),
    ...missing.map((name) => `expected Parameters to hold ${name}`),
    ...(state.HeartbeatSeconds !== undefined && state.TimeoutSeconds !== undefined && state.HeartbeatSeconds >= state.TimeoutSeconds ? ['expected HeartbeatSeconds below TimeoutSeconds'] : []),
  ];
};

/** Outside law: an express child can neither wait for a token nor hold another Distributed Map. */
const expressFaults = (flow: Flow): string[] =>
  [...flow.states].flatMap(([name, state]) => {
    if (state.Type === 'Task' && state.Resource.endsWith('.waitForTaskToken')) return [`expected no wait for a task token in an express child, got state ${name}`];
    if (state.Type === 'Map' && state.ItemProcessor.config.Mode === 'DISTRIBUTED') return [`expected no Distributed Map in an express child, got state ${name}`];
    if (state.Type === 'Map') return expressFaults(state.ItemProcessor.flow);
    return state.Type === 'Parallel' ? state.Branches.flatMap(expressFaults) : [];
  });

const mapFaults = ({ ItemProcessor: { config, flow }, ItemReader: reader, ItemsPath: itemsPath }: Extract<State, { Type: 'Map' }>): string[] => [
  ...(config.Mode === 'INLINE' && reader !== undefined ? ['expected ItemReader only in a Map of mode DISTRIBUTED'] : []),
  ...(reader !== undefined && itemsPath !== undefined ? ['expected one of ItemReader and ItemsPath, got both'] : []),
  ...(config.Mode === 'DISTRIBUTED' && config.ExecutionType === 'EXPRESS' ? expressFaults(flow) : []),
];

const fieldFaults = (state: State): string[] => {
  switch (state.Type) {
    case 'Task':
      return taskFaults(state);
    case 'Map':
      return mapFaults(state);
    case 'Wait':
      return exactlyOne(state, ['Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath']);
    case 'Fail':
      return [['Error', 'ErrorPath'], ['Cause', 'CausePath']].flatMap((pair) => (pair.every((name) => state[name as 'Error'] !== undefined) ? exactlyOne(state, pair) : []));
    default:
      return [];
  }
};

const stateFaults = (flow: Flow, name: string, state: State): string[] => [
  ...(state.Type === 'Choice' || state.Type === 'Succeed' || state.Type === 'Fail' ? [] : exactlyOne(state, ['Next', 'End'])),
  ...successors(state)
    .filter((next) => !flow.states.has(next))
    .map((next) => `expected Next to name a state beside ${name}, got ${JSON.stringify(next)}`),
  ...('Retry' in state ? [...wildcardFaults('Retry', state.Retry), ...wildcardFaults('Catch', state.Catch)] : []),
  ...fieldFaults(state),
];

/** What no schema of a single state can say. */
export const checkFlow = (flow: Flow): Fault[] => {
  const start = flow.states.has(flow.startAt) ? [] : [{ at: ['StartAt'], message: `expected the name of a state, got ${JSON.stringify(flow.startAt)}` }];
  const seen = reachable(flow);
  const unreached = [...flow.states.keys()].filter((name) => !seen.has(name)).map((name) => ({ at: ['States', name], message: 'expected a way to this state, got none' }));
  const faults = [...flow.states].flatMap(([name, state]) => stateFaults(flow, name, state).map((message) => ({ at: ['States', name], message })));
  return [...start, ...faults, ...unreached];
};
