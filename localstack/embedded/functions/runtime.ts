import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { InvokeMessage, RuntimeData, RuntimeMessage } from './runtime-messages.ts';
import { traceHeaderOf } from './trace-header.ts';

/** The inside of an execution environment: loads the bundle, then handles one event after the other. Runs in a worker thread. */

type Handler = (event: unknown, context: object) => unknown;

const port = parentPort!;
const data = workerData as RuntimeData;
const tell = (message: RuntimeMessage): void => port.postMessage(message);

/** Node's Lambda runtime ends the process after these; the host does. */
process.on('unhandledRejection', (reason) => tellError(reason, { isFatal: true, errorType: 'Runtime.UnhandledPromiseRejection' }));
process.on('uncaughtException', (error) => tellError(error, { isFatal: true }));

try {
  const handler = await loadHandler();
  port.on('message', (message: InvokeMessage) => void handle(handler, message));
  tell({ kind: 'ready' });
} catch (error) {
  tellError(error, { isFatal: true });
}

async function loadHandler(): Promise<Handler> {
  const [, file = '', name = ''] = /^(.+)\.([^.]+)$/.exec(data.handler) ?? [];
  const path = ['.mjs', '.js', '.cjs'].map((extension) => join(resolve(data.codeFolder), file + extension)).find((candidate) => existsSync(candidate));
  if (path === undefined) throw runtimeError('Runtime.ImportModuleError', `expected ${file}.mjs, ${file}.js or ${file}.cjs in the bundle`);
  const exports = (await import(pathToFileURL(path).href)) as Record<string, unknown> & { readonly default?: Record<string, unknown> };
  const handler = exports[name] ?? exports.default?.[name];
  if (typeof handler !== 'function') throw runtimeError('Runtime.HandlerNotFound', `expected ${data.handler} to be a function, got ${typeof handler}`);
  // Lambda's Node 24 runtime has no callbacks any more.
  if (handler.length >= 3) throw runtimeError('Runtime.CallbackHandlerDeprecated', `expected ${data.handler} to have at most two parameters, got ${handler.length}; return a promise instead of calling back`);
  return handler as Handler;
}

async function handle(handler: Handler, { requestId, event, deadline }: InvokeMessage): Promise<void> {
  // Lambda's runtime sets it before each invocation; the SDK reads it at each call.
  process.env['_X_AMZN_TRACE_ID'] = traceHeaderOf(requestId);
  try {
    const answer = await handler(JSON.parse(event), contextOf(requestId, deadline));
    tell({ kind: 'answer', requestId, payload: JSON.stringify(answer ?? null) ?? 'null' });
  } catch (error) {
    tellError(error, { requestId, isFatal: false });
  }
}

const contextOf = (awsRequestId: string, deadline: number): object => ({
  awsRequestId,
  callbackWaitsForEmptyEventLoop: true,
  functionName: data.functionName,
  functionVersion: '$LATEST',
  invokedFunctionArn: data.invokedFunctionArn,
  memoryLimitInMB: data.memoryLimitInMB,
  logGroupName: `/aws/lambda/${data.functionName}`,
  logStreamName: 'embedded',
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
});

interface ErrorDetails {
  readonly requestId?: string;
  readonly isFatal: boolean;
  readonly errorType?: string;
}

function tellError(error: unknown, { errorType, ...details }: ErrorDetails): void {
  const isError = error instanceof Error;
  const trace = isError ? (error.stack ?? String(error)) : String(error);
  tell({ kind: 'error', ...details, errorType: errorType ?? (isError ? error.name : typeof error), errorMessage: isError ? error.message : String(error), trace });
}

function runtimeError(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
