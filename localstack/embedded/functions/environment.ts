import { randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ACCOUNT, REGION, type FunctionDefinition, type InvokeAnswer } from '../contracts.ts';
import { ConfigurationError } from '../../../shared/errors.ts';
import type { InvokeMessage, RuntimeData, RuntimeMessage } from './runtime-messages.ts';

/** Lambda allows 10 s; a busy laptop that loads several bundles at once may need more. */
const LEAST_INIT_MS = 30_000;
/** Of the machine's own environment only what finds programs and tells the time. */
const BASICS = ['PATH', 'TZ', 'LANG', 'TMPDIR', 'TEMP', 'SystemRoot'] as const;
/** Small objects beside the old generation, which alone has the function's memory. */
const YOUNG_GENERATION_MB = 32;
/** V8's young generation is two semi-spaces and as much again for what does not fit in them. */
const SEMI_SPACES_OF_YOUNG_GENERATION = 3;

/** As this file: of the sources, or compiled. */
const RUNTIME = new URL(`./runtime${extname(import.meta.filename)}`, import.meta.url);

type Settle = (answer: InvokeAnswer) => void;

/** One execution environment: a worker thread with the function's bundle. It ends for good at a crash, a time-out or `end`. */
export class Environment {
  /** Resolves when the thread is gone. */
  readonly exited: Promise<void>;
  /** The bundle's end of loading, good or bad. */
  readonly loaded: Promise<InvokeAnswer>;
  readonly #definition: FunctionDefinition;
  readonly #log: (text: string) => void;
  readonly #worker: Worker;
  #settleLoaded!: Settle;
  #settleInvocation: Settle | undefined;
  #requestId = '';
  #timer: NodeJS.Timeout | undefined;
  #end: InvokeAnswer | undefined;

  constructor(definition: FunctionDefinition, log: (text: string) => void) {
    this.#definition = definition;
    this.#log = log;
    this.loaded = new Promise((resolve) => (this.#settleLoaded = resolve));
    this.#worker = new Worker(RUNTIME, {
      workerData: runtimeData(definition),
      env: environmentOf(definition),
      execArgv: [],
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: definition.memoryMb, maxYoungGenerationSizeMb: youngGenerationMb(definition.environment) },
    });
    this.#worker.stdout.setEncoding('utf8').on('data', log);
    this.#worker.stderr.setEncoding('utf8').on('data', log);
    this.#worker.on('message', (message: RuntimeMessage) => this.#hear(message));
    this.#worker.on('error', (error: unknown) => this.#fail(crashOf(error, definition.memoryMb)));
    this.exited = new Promise((resolve) => this.#worker.once('exit', (code) => resolve(this.#fail(exitAnswer(code)))));
    const initMs = Math.max(LEAST_INIT_MS, definition.timeoutSeconds * 1_000);
    this.#timer = setTimeout(() => this.#fail(timeoutAnswer('init', initMs / 1_000)), initMs);
  }

  /** Whether this invocation is under way here. */
  isHandling(requestId: string): boolean {
    return this.#settleInvocation !== undefined && this.#requestId === requestId;
  }

  /** Of the bundle that it runs to its end. */
  get codeFolder(): string {
    return this.#definition.codeFolder;
  }

  get isUsable(): boolean {
    return this.#end === undefined;
  }

  /** One at a time. The time-out counts from the moment the bundle is loaded, as on Lambda. */
  async invoke(event: string): Promise<InvokeAnswer> {
    const loaded = await this.loaded;
    if (!loaded.ok) return loaded;
    if (this.#end !== undefined) return this.#end;
    const timeoutMs = this.#definition.timeoutSeconds * 1_000;
    const message: InvokeMessage = { requestId: randomUUID(), event, deadline: Date.now() + timeoutMs };
    this.#requestId = message.requestId;
    const answer = new Promise<InvokeAnswer>((resolve) => (this.#settleInvocation = resolve));
    this.#timer = setTimeout(() => this.#fail(timeoutAnswer(message.requestId, this.#definition.timeoutSeconds)), timeoutMs);
    this.#worker.postMessage(message);
    return answer;
  }

  /** Ends the thread; an invocation in it fails as if its machine had died. */
  async end(): Promise<void> {
    this.#fail(exitAnswer(1));
    await this.exited;
  }

  #hear(message: RuntimeMessage): void {
    if (message.kind === 'ready') {
      clearTimeout(this.#timer);
      this.#settleLoaded({ ok: true, payload: undefined });
    } else if (message.kind === 'answer') {
      if (message.requestId === this.#requestId) this.#settle({ ok: true, payload: message.payload });
    } else {
      this.#log(`${message.trace}\n`);
      const answer = { ok: false, errorType: message.errorType, errorMessage: message.errorMessage } as const;
      if (message.isFatal) this.#fail(answer);
      else if (message.requestId === this.#requestId) this.#settle(answer);
    }
  }

  #settle(answer: InvokeAnswer): void {
    clearTimeout(this.#timer);
    const settle = this.#settleInvocation;
    this.#settleInvocation = undefined;
    settle?.(answer);
  }

  /** The first reason counts: what follows is its consequence. */
  #fail(answer: InvokeAnswer): void {
    if (this.#end !== undefined) return;
    this.#end = answer;
    this.#settleLoaded(answer);
    this.#settle(answer);
    void this.#worker.terminate();
  }
}

const functionArn = (name: string): string => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

const runtimeData = ({ codeFolder, handler, name, memoryMb }: FunctionDefinition): RuntimeData => ({
  codeFolder,
  handler,
  functionName: name,
  invokedFunctionArn: functionArn(name),
  memoryLimitInMB: String(memoryMb),
});

/**
 * NODE_OPTIONS speaks to a process, and a thread refuses V8's own: of them `--max-semi-space-size=<MB>` becomes a limit of the thread.
 * @throws ConfigurationError for any other, so that none is ignored silently
 */
export function youngGenerationMb({ NODE_OPTIONS: options = '' }: Readonly<Record<string, string>>): number {
  if (options.trim() === '') return YOUNG_GENERATION_MB;
  const [, semiSpaceMb] = /^\s*--max-semi-space-size=(\d+)\s*$/.exec(options) ?? [];
  if (semiSpaceMb === undefined) {
    throw new ConfigurationError(`expected NODE_OPTIONS of a function to be --max-semi-space-size=<MB>, got ${JSON.stringify(options)}; the embedded stack runs functions as threads, which take no other`);
  }
  return Number(semiSpaceMb) * SEMI_SPACES_OF_YOUNG_GENERATION;
}

function environmentOf({ name, memoryMb, codeFolder, handler, environment: { NODE_OPTIONS: _forProcesses, ...environment } }: FunctionDefinition): Record<string, string> {
  const basics = BASICS.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]] as const]));
  return {
    ...Object.fromEntries(basics),
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: codeFolder,
    _HANDLER: handler,
    ...environment,
  };
}

const timeoutAnswer = (requestId: string, seconds: number): InvokeAnswer => ({
  ok: false,
  errorType: 'Sandbox.Timedout',
  errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
});

const exitAnswer = (code: number): InvokeAnswer => ({ ok: false, errorType: 'Runtime.ExitError', errorMessage: `Runtime exited with error: exit status ${code}` });

function crashOf(error: unknown, memoryMb: number): InvokeAnswer {
  const isError = error instanceof Error;
  if (isError && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { ok: false, errorType: 'Runtime.OutOfMemory', errorMessage: `The function used more than its ${memoryMb} MB of memory` };
  }
  return { ok: false, errorType: isError ? error.name : 'Runtime.ExitError', errorMessage: isError ? error.message : String(error) };
}
