import { REGION } from '../../../localstack/embedded/contracts.ts';
import { AccessKeys } from '../../../localstack/embedded/front/credentials.ts';
import { type EmbeddedStack, startStack } from '../../../localstack/embedded/stack.ts';
import { TargetClient } from '../target-run.ts';
import type { NamedCall } from './call-names.ts';
import { deliverFaultily } from './faulty-delivery.ts';
import { type FaultFront, startFaultFront } from './fault-front.ts';
import { observeRun, type RunEvidence } from './observe-run.ts';
import type { FaultKind } from './wire-faults.ts';

export interface FaultStackOptions {
  /** The synthesised folder. */
  readonly templateFolder: string;
  readonly items: number;
  readonly itemsPerBatch: number;
  /** What went wrong outside the run, such as a fault that could not be made. */
  readonly onError: (error: unknown) => void;
}

const WORKERS = 2;
const SWEEP_EVERY_SECONDS = 2;
/** No run is that slow, on whatever machine. */
const RUN_TIMEOUT_MS = 600_000;
const LINES_KEPT = 60;
const PARAMETERS = { AllowedNetworks: '127.0.0.0/8', LogLevel: 'WARN' };

/** An embedded stack behind a fault front; runs are made on it one after the other. */
export class FaultStack {
  readonly #options: FaultStackOptions;
  readonly #stack: EmbeddedStack;
  readonly #front: FaultFront;
  readonly #client: TargetClient;
  readonly #pastRuns = new Set<string>();
  readonly #log: StackLog;

  private constructor(options: FaultStackOptions, parts: { stack: EmbeddedStack; front: FaultFront; log: StackLog }) {
    this.#options = options;
    this.#stack = parts.stack;
    this.#front = parts.front;
    this.#log = parts.log;
    const { endpoint, credentials, outputs } = parts.stack;
    const unused = (): Promise<undefined> => Promise.resolve(undefined);
    this.#client = new TargetClient({ name: 'embedded', endpoint, region: REGION, credentials, outputs, apiEndpoint: '', invoke: unused, stop: unused });
  }

  static async start(options: FaultStackOptions): Promise<FaultStack> {
    const keys = new AccessKeys();
    const log = new StackLog();
    let front: FaultFront | undefined;
    const stack: EmbeddedStack = await startStack({
      templateFolder: options.templateFolder,
      parameters: PARAMETERS,
      workers: WORKERS,
      sweepEverySeconds: SWEEP_EVERY_SECONDS,
      onLog: (line) => log.add(line),
      queueFor: (queue, name) => deliverFaultily(queue, name, (call) => front?.judge(call)),
      frontFor: async (target) => {
        front = await startFaultFront({
          target,
          callerOf: ({ accessKeyId, appId }) => keys.principalOf(accessKeyId) ?? appId ?? 'nobody',
          killInvocation: (requestId) => stack.killInvocation(requestId),
          onError: options.onError,
        });
        return front.endpoint;
      },
    });
    for (const { principal } of stack.roles) if (principal !== undefined) keys.credentialsFor(principal);
    return new FaultStack(options, { stack, front: front!, log });
  }

  /** Makes one run whose calls are judged. @throws Error if it does not end in time */
  async run(judge: (call: NamedCall) => FaultKind | undefined): Promise<RunEvidence> {
    this.#front.play({ judge, pastRuns: this.#pastRuns });
    try {
      const { items, itemsPerBatch } = this.#options;
      const evidence = await observeRun(this.#client, { items, itemsPerBatch, timeoutMs: RUN_TIMEOUT_MS, countDeaths: () => this.#log.deaths });
      this.#pastRuns.add(evidence.record.run);
      return evidence;
    } catch (error) {
      throw new Error(`${String(error)}; the stack's last words: ${this.#log.tail}`, { cause: error });
    } finally {
      this.#front.play(undefined);
    }
  }

  async stop(): Promise<void> {
    await this.#stack.stop();
    await this.#front.stop();
  }
}

/** What the stack says of invocations that failed. */
class StackLog {
  deaths = 0;
  #lines: string[] = [];

  add(line: string): void {
    if (/ProcessBatch\S* failed/.test(line)) this.deaths++;
    this.#lines = [...this.#lines, `${new Date().toISOString()} ${line}`].slice(-LINES_KEPT);
  }

  get tail(): string {
    return this.#lines.join('\n');
  }
}
