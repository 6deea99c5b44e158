import { randomUUID } from 'node:crypto';
import { ServiceFault, type Principal } from '../contracts.ts';
import type { MachineDefinition } from './definition.ts';
import { History } from './history.ts';
import { isTooLarge, type Json } from './json.ts';
import { runFlow } from './interpreter.ts';
import { asStatesError, StatesError, StatesErrorName } from './states-error.ts';
import type { Runtime } from './visit.ts';
import { withDeadline } from './waiting.ts';

export interface Machine extends MachineDefinition {
  readonly arn: string;
  readonly name: string;
  readonly principal: Principal;
}

export type ExecutionEnd =
  | { readonly status: 'SUCCEEDED'; readonly output: string }
  | { readonly status: 'FAILED' | 'TIMED_OUT' | 'ABORTED'; readonly error?: string | undefined; readonly cause?: string | undefined };

/** One execution. `end` is set exactly once. */
export interface Execution {
  readonly arn: string;
  readonly name: string;
  readonly machine: Machine;
  /** As it came: a second start is compared with it byte for byte. */
  readonly inputText: string;
  readonly startedAtMs: number;
  readonly history: History;
  readonly stopping: AbortController;
  stopReason: { readonly error?: string | undefined; readonly cause?: string | undefined };
  end: (ExecutionEnd & { readonly atMs: number }) | undefined;
  /** Settles when `end` is set; never rejects. */
  done: Promise<void>;
}

export interface StartRequest {
  readonly name?: string | undefined;
  readonly input?: string | undefined;
}

/** Step Functions: 1 to 80 characters without white space, brackets, wildcards, control characters and `"#%\^|~`$&,;:/`. */
const NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

const parseInput = (text: string): Json => {
  try {
    if (!isTooLarge(text)) return JSON.parse(text) as Json;
  } catch (fault) {
    throw new ServiceFault('InvalidExecutionInput', `Invalid execution input: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
  throw new ServiceFault('InvalidExecutionInput', 'Invalid execution input: larger than 262144 bytes');
};

const executionArn = (machineArn: string, name: string): string => `${machineArn.replace(':stateMachine:', ':execution:')}:${name}`;

const END_EVENTS = { SUCCEEDED: 'ExecutionSucceeded', FAILED: 'ExecutionFailed', TIMED_OUT: 'ExecutionTimedOut', ABORTED: 'ExecutionAborted' } as const;

/** All executions of all machines, for as long as the process lives. */
export class Executions {
  readonly #byArn = new Map<string, Execution>();
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The same name and input while it runs is the same execution. @throws ServiceFault `InvalidName`, `InvalidExecutionInput`, `ExecutionAlreadyExists` */
  start(machine: Machine, { name = randomUUID(), input: inputText = '{}' }: StartRequest): Execution {
    if (!NAME.test(name)) throw new ServiceFault('InvalidName', `Invalid Name: '${name}'`);
    const input = parseInput(inputText);
    const arn = executionArn(machine.arn, name);
    const earlier = this.#byArn.get(arn);
    if (earlier !== undefined) {
      if (earlier.end === undefined && earlier.inputText === inputText) return earlier;
      throw new ServiceFault('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    }
    return this.#launch(machine, { arn, name, inputText }, input);
  }

  /** @throws ServiceFault `InvalidArn` or `ExecutionDoesNotExist` */
  find(arn: string): Execution {
    if (!/^arn:[^:]*:states:[^:]*:[^:]*:execution:[^:]+:[^:]+$/.test(arn)) throw new ServiceFault('InvalidArn', `Invalid Arn: '${arn}'`);
    const execution = this.#byArn.get(arn);
    if (execution === undefined) throw new ServiceFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return execution;
  }

  /** Newest first. */
  ofMachine(machineArn: string): Execution[] {
    return [...this.#byArn.values()].filter(({ machine }) => machine.arn === machineArn).toReversed();
  }

  /** A closed execution stays as it ended. */
  async stop(execution: Execution, reason: Execution['stopReason'] = {}): Promise<void> {
    if (execution.end === undefined && !execution.stopping.signal.aborted) {
      execution.stopReason = reason;
      execution.stopping.abort();
    }
    await execution.done;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#byArn.values()].map((execution) => this.stop(execution, { cause: 'The host was stopped.' })));
  }

  #launch(machine: Machine, { arn, name, inputText }: Pick<Execution, 'arn' | 'name' | 'inputText'>, input: Json): Execution {
    const { now } = this.#runtime.tools;
    const execution: Execution = {
      arn,
      name,
      machine,
      inputText,
      startedAtMs: now(),
      history: new History(now),
      stopping: new AbortController(),
      stopReason: {},
      end: undefined,
      done: Promise.resolve(),
    };
    this.#byArn.set(arn, execution);
    execution.done = this.#run(execution, input);
    return execution;
  }

  async #run(execution: Execution, input: Json): Promise<void> {
    execution.history.add('ExecutionStarted');
    const end = await this.#walk(execution, input).then(
      (output): ExecutionEnd => ({ status: 'SUCCEEDED', output: JSON.stringify(output) }),
      (fault: unknown) => failureOf(execution, fault),
    );
    execution.history.end(END_EVENTS[end.status], end.status === 'SUCCEEDED' ? {} : { error: end.error, cause: end.cause });
    execution.end = { ...end, atMs: this.#runtime.tools.now() };
  }

  async #walk(execution: Execution, input: Json): Promise<Json> {
    const { machine, arn, name, history, stopping, startedAtMs } = execution;
    const late = () => new ExecutionTimeout(StatesErrorName.timeout, '');
    const context = {
      Execution: { Id: arn, Name: name, Input: input, StartTime: new Date(startedAtMs).toISOString(), RedriveCount: 0 },
      StateMachine: { Id: machine.arn, Name: machine.name },
    };
    const deadline = { ms: machine.timeoutSeconds === undefined ? undefined : machine.timeoutSeconds * 1000, late };
    return withDeadline(this.#runtime.tools, deadline, stopping.signal, (signal) =>
      runFlow(machine.flow, input, { runtime: this.#runtime, machineArn: machine.arn, principal: machine.principal, history, signal, context }),
    );
  }
}

/** The machine's own TimeoutSeconds are over. */
class ExecutionTimeout extends StatesError {}

const failureOf = ({ stopping, stopReason }: Execution, fault: unknown): ExecutionEnd => {
  if (stopping.signal.aborted) return { status: 'ABORTED', ...stopReason };
  const { error, message: cause } = asStatesError(fault);
  return { status: fault instanceof ExecutionTimeout ? 'TIMED_OUT' : 'FAILED', error, cause };
};
