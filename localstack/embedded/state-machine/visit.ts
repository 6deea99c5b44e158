import type { Principal, StateMachineTools } from '../contracts.ts';
import type { State } from './definition.ts';
import type { History } from './history.ts';
import { isTooLarge, type Json, type JsonObject } from './json.ts';
import type { Scope } from './json-path.ts';
import { StatesError, StatesErrorName } from './states-error.ts';
import type { TaskTokens } from './task-tokens.ts';

/** What all executions share. */
export interface Runtime {
  readonly tools: StateMachineTools;
  readonly tokens: TaskTokens;
  readonly random: () => number;
}

/** What all states of one execution, branch or iteration share. */
export interface Frame {
  readonly runtime: Runtime;
  readonly machineArn: string;
  readonly principal: Principal;
  readonly history: History;
  readonly signal: AbortSignal;
  /** `$$.Execution` and `$$.StateMachine`, inside a Map also `$$.Map`. */
  readonly context: JsonObject;
}

/** One stay in one state; `input` is the raw one. */
export interface Visit<S extends State = State> {
  readonly frame: Frame;
  readonly name: string;
  readonly state: S;
  readonly input: Json;
  readonly enteredAt: string;
}

/** How a state ends: its output and where the way goes on (undefined: nowhere). */
export interface Step {
  readonly output: Json;
  readonly next: string | undefined;
}

/** What the fields of a state can see at its n-th retry. */
export const scopeOf = (visit: Visit, input: Json, retryCount = 0, more: JsonObject = {}): Scope => ({
  input,
  context: { ...visit.frame.context, State: { Name: visit.name, EnteredTime: visit.enteredAt, RetryCount: retryCount }, ...more },
});

/** @throws StatesError `States.DataLimitExceeded` above 256 KiB. */
export const withinLimit = (value: Json, what: string): Json => {
  if (!isTooLarge(JSON.stringify(value))) return value;
  throw new StatesError(StatesErrorName.dataLimitExceeded, `${what} is larger than the maximum of 262144 bytes.`);
};
