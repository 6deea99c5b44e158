import { ConfigurationError } from '../../../shared/errors.ts';
import type { FunctionDefinition, FunctionHost, InvokeAnswer } from '../contracts.ts';
import { Environment, youngGenerationMb } from './environment.ts';
import { Slots } from './slots.ts';

/** Lambda's limit of an event and of an answer. */
const MAX_PAYLOAD_BYTES = 6 * 1_048_576;
const IDLE_MS = 120_000;
const DRAIN_MS = 5_000;

export interface HostedFunction extends FunctionDefinition {
  /** Functions that share their environments' places with others; without it `maxConcurrency` counts alone. */
  readonly sharedSlots?: Slots;
}

/** A place for one invocation, held before there is an event for it. */
export interface Reservation {
  /** Uses the place up. */
  invoke(event: unknown): Promise<InvokeAnswer>;
  release(): void;
}

export interface LambdaHost extends FunctionHost {
  /**
   * Loads each function once: a bundle that can't be read, or an environment that it refuses, is heard of before the first event.
   * @throws ConfigurationError naming each function that did not load, and why
   */
  load(): Promise<void>;
  /** Waits until an environment of the function is free. @throws the signal's reason, if it aborts before */
  reserve(functionName: string, signal?: AbortSignal): Promise<Reservation>;
  /** Kills the environment that has been busy longest. @returns whether one was busy */
  killEnvironment(functionName: string): Promise<boolean>;
  /** Kills the environment in which this invocation is under way. @returns when its thread is gone: whether there was one */
  killInvocation(requestId: string): Promise<boolean>;
  /** New environments load this bundle, as after UpdateFunctionCode; those that are busy end after their invocation. */
  updateCode(functionName: string, codeFolder: string): void;
}

export interface LambdaHostOptions {
  readonly functions: readonly HostedFunction[];
  readonly onOutput?: (functionName: string, text: string) => void;
  /** An environment without work ends after this. */
  readonly idleMs?: number;
  /** How long `stop` lets running invocations end. */
  readonly drainMs?: number;
}

/** @throws ConfigurationError for NODE_OPTIONS that a thread can't have */
export function createLambdaHost({ functions, onOutput = () => {}, idleMs = IDLE_MS, drainMs = DRAIN_MS }: LambdaHostOptions): LambdaHost {
  const pools = new Map(functions.map((definition) => [definition.name, new Pool(definition, onOutput, idleMs)]));
  const pool = (name: string): Pool => {
    const found = pools.get(plainName(name));
    if (found === undefined) throw new RangeError(`expected one of the functions ${[...pools.keys()].join(', ')}, got ${name}`);
    return found;
  };
  const reserve = (name: string, signal?: AbortSignal): Promise<Reservation> => pool(name).reserve(signal);
  return {
    reserve,
    async load() {
      const faults = await Promise.all([...pools].map(async ([name, each]) => ({ name, answer: await each.load() })));
      const messages = faults.flatMap(({ name, answer }) => (answer.ok ? [] : [`${name}: ${answer.errorMessage}`]));
      if (messages.length > 0) throw new ConfigurationError(`functions of the stack can't be loaded: ${messages.join('; ')}`);
    },
    invoke: async (name, event) => (await reserve(name)).invoke(event),
    killEnvironment: (name) => pool(name).killBusiest(),
    killInvocation: async (requestId) => (await Promise.all([...pools.values()].map((each) => each.killInvocation(requestId)))).includes(true),
    updateCode: (name, codeFolder) => pool(name).updateCode(codeFolder),
    stop: async () => void (await Promise.all([...pools.values()].map((each) => each.stop(drainMs)))),
  };
}

/** Lambda takes a name or an ARN, with or without a qualifier. */
const plainName = (reference: string): string => /^arn:[^:]*:lambda:[^:]*:\d*:function:([^:]+)/.exec(reference)?.[1] ?? reference.split(':')[0]!;

/** The environments of one function. */
class Pool {
  #definition: FunctionDefinition;
  readonly #slots: Slots;
  readonly #onOutput: (functionName: string, text: string) => void;
  readonly #idleMs: number;
  readonly #idle: { readonly environment: Environment; readonly timer: NodeJS.Timeout }[] = [];
  /** Every thread that may still run. */
  readonly #alive = new Set<Environment>();
  /** In the order in which they became busy. */
  readonly #busy = new Map<Environment, Promise<InvokeAnswer>>();
  readonly #stopped = new AbortController();

  constructor(definition: HostedFunction, onOutput: (functionName: string, text: string) => void, idleMs: number) {
    // At the start: the first invocation would be late to hear of it.
    youngGenerationMb(definition.environment);
    this.#definition = definition;
    this.#slots = definition.sharedSlots ?? new Slots(definition.maxConcurrency);
    this.#onOutput = onOutput;
    this.#idleMs = idleMs;
  }

  /** Makes one environment, which then waits for the first event. */
  async load(): Promise<InvokeAnswer> {
    const environment = this.#takeEnvironment();
    const loaded = await environment.loaded;
    this.#putBack(environment);
    return loaded;
  }

  async reserve(signal?: AbortSignal): Promise<Reservation> {
    await this.#slots.take(signal ? AbortSignal.any([signal, this.#stopped.signal]) : this.#stopped.signal);
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#slots.give();
      isHeld = false;
    };
    const invoke = async (event: unknown): Promise<InvokeAnswer> => {
      if (!isHeld) throw new Error('expected a reservation that holds its place, got one that is used up');
      try {
        return await this.#run(event);
      } finally {
        release();
      }
    };
    return { invoke, release };
  }

  async killBusiest(): Promise<boolean> {
    const [environment] = this.#busy.keys();
    await environment?.end();
    return environment !== undefined;
  }

  async killInvocation(requestId: string): Promise<boolean> {
    const environment = [...this.#busy.keys()].find((each) => each.isHandling(requestId));
    await environment?.end();
    return environment !== undefined;
  }

  updateCode(codeFolder: string): void {
    this.#definition = { ...this.#definition, codeFolder };
    for (const { environment, timer } of this.#idle.splice(0)) {
      clearTimeout(timer);
      void environment.end();
    }
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopped.abort(new Error('the stack stops'));
    await this.#drain(drainMs);
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.#alive].map((environment) => environment.end()));
  }

  async #drain(drainMs: number): Promise<void> {
    if (this.#busy.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, drainMs)));
    await Promise.race([late, Promise.all(this.#busy.values())]);
    clearTimeout(timer);
  }

  async #run(event: unknown): Promise<InvokeAnswer> {
    const text = JSON.stringify(event ?? null);
    if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) return tooLarge('RequestEntityTooLargeException', 'event', text);
    const environment = this.#takeEnvironment();
    const running = environment.invoke(text);
    this.#busy.set(environment, running);
    const answer = await running;
    this.#busy.delete(environment);
    this.#putBack(environment);
    return readAnswer(answer);
  }

  #takeEnvironment(): Environment {
    // The one used last is warm, and the others may grow idle.
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      clearTimeout(last.timer);
      if (last.environment.isUsable) return last.environment;
    }
    const environment = new Environment(this.#definition, (text) => this.#onOutput(this.#definition.name, text));
    this.#alive.add(environment);
    void environment.exited.then(() => this.#alive.delete(environment));
    return environment;
  }

  #putBack(environment: Environment): void {
    if (!environment.isUsable) return;
    if (this.#stopped.signal.aborted || environment.codeFolder !== this.#definition.codeFolder) return void environment.end();
    const timer = setTimeout(() => {
      this.#idle.splice(this.#idle.findIndex((entry) => entry.environment === environment), 1);
      void environment.end();
    }, this.#idleMs);
    timer.unref();
    this.#idle.push({ environment, timer });
  }
}

function readAnswer(answer: InvokeAnswer): InvokeAnswer {
  if (!answer.ok) return answer;
  const text = String(answer.payload);
  return Buffer.byteLength(text) > MAX_PAYLOAD_BYTES ? tooLarge('Function.ResponseSizeTooLarge', 'answer', text) : { ok: true, payload: JSON.parse(text) };
}

const tooLarge = (errorType: string, what: string, text: string): InvokeAnswer => ({
  ok: false,
  errorType,
  errorMessage: `expected the ${what} to have at most ${MAX_PAYLOAD_BYTES} bytes, got ${Buffer.byteLength(text)}`,
});
