import { setImmediate as turn } from 'node:timers/promises';
import type { InvokeAnswer, StateMachineHost, StateMachineTools } from '../../../../../localstack/embedded/contracts.ts';
import { createStateMachineHost } from '../../../../../localstack/embedded/state-machine/state-machine-host.ts';

export const MACHINE_ARN = 'arn:aws:states:us-east-1:000000000000:stateMachine:machine';
const START_MS = Date.UTC(2026, 0, 1);
/** So many turns of the event loop let every chain of resolved promises run out. */
const TURNS = 6;

interface Timer {
  readonly atMs: number;
  readonly fire: () => void;
}

/** Time that only the test moves. */
export class ManualClock {
  nowMs = START_MS;
  readonly timers = new Set<Timer>();

  readonly now = (): number => this.nowMs;
  readonly wait = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new Error('aborted'));
      const timer = { atMs: this.nowMs + ms, fire: resolve };
      this.timers.add(timer);
      signal.addEventListener('abort', () => {
        this.timers.delete(timer);
        reject(new Error('aborted'));
      });
    });

  /** Milliseconds until the next timer. */
  get nextMs(): number | undefined {
    return this.timers.size === 0 ? undefined : Math.min(...[...this.timers].map(({ atMs }) => atMs)) - this.nowMs;
  }

  async settle(): Promise<void> {
    for (let count = 0; count < TURNS; count += 1) await turn();
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await this.settle();
    for (let next = this.nextMs; next !== undefined && this.nowMs + next <= untilMs; next = this.nextMs) {
      this.nowMs += next;
      for (const timer of [...this.timers].filter(({ atMs }) => atMs <= this.nowMs)) {
        this.timers.delete(timer);
        timer.fire();
      }
      await this.settle();
    }
    this.nowMs = untilMs;
  }
}

export type Lambda = (event: Record<string, unknown>) => unknown;
export type Service = (action: string, input: Record<string, unknown>) => unknown;

export interface Bench {
  readonly host: StateMachineHost;
  readonly clock: ManualClock;
  call(action: string, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Defines, starts and moves the clock until nothing is left to do. */
  run(definition: unknown, input?: unknown): Promise<Record<string, unknown>>;
  start(definition: unknown, input?: unknown, name?: string): Promise<string>;
  describe(executionArn: string): Promise<Record<string, unknown>>;
}

export const ok = (payload: unknown): InvokeAnswer => ({ ok: true, payload });
export const fails = (errorType: string, errorMessage = 'no'): InvokeAnswer => ({ ok: false, errorType, errorMessage });
const isAnswer = (value: unknown): value is InvokeAnswer => typeof value === 'object' && value !== null && typeof (value as { ok?: unknown }).ok === 'boolean';

/** A host over fakes: functions by name, services by name, a manual clock. */
export const createBench = (functions: Readonly<Record<string, Lambda>> = {}, services: Readonly<Record<string, Service>> = {}, random = () => 1): Bench => {
  const clock = new ManualClock();
  const tools: StateMachineTools = {
    now: clock.now,
    wait: clock.wait,
    random,
    invokeFunction: async (name, event) => {
      const answer = await functions[name]?.(event as Record<string, unknown>);
      return isAnswer(answer) ? answer : ok(answer ?? null);
    },
    callService: async (service, action, input) => services[service]?.(action, input),
  };
  const host = createStateMachineHost(tools);
  const call = async (action: string, input: Record<string, unknown>) => (await host.serve(action, input, 'operator')).output as Record<string, unknown>;
  const start = async (definition: unknown, input: unknown = {}, name?: string) => {
    host.define({ arn: MACHINE_ARN, definition, principal: 'Machine' });
    const { executionArn } = await call('StartExecution', { stateMachineArn: MACHINE_ARN, input: JSON.stringify(input), name });
    await clock.settle();
    return String(executionArn);
  };
  const describe = (executionArn: string) => call('DescribeExecution', { executionArn });
  const run = async (definition: unknown, input?: unknown) => {
    const arn = await start(definition, input);
    for (let next = clock.nextMs; next !== undefined; next = clock.nextMs) await clock.advance(next);
    return describe(arn);
  };
  return { host, clock, call, run, start, describe };
};

/** A machine of one state or of states in the order given. */
export const machine = (states: Readonly<Record<string, unknown>>) => ({ StartAt: Object.keys(states)[0], States: states });
export const task = (more: Readonly<Record<string, unknown>> = {}) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: 'work', 'Payload.$': '$' },
  End: true,
  ...more,
});
