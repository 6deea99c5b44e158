import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServiceFault, type EventBridgeEvent, type JsonServiceHandler, type Principal, type ServiceCall, type ServiceFront } from '../contracts.ts';
import { AccessKeys, readCredentialScope } from './credentials.ts';
import { openEmulators, type Emulators } from './emulators.ts';
import type { Exchange } from './exchange.ts';
import { isFormUpload } from './form-upload.ts';
import type { ResourceCall } from './object-request.ts';
import { parameterArn } from './parameter-service.ts';
import { BODY_ABORTED, BODY_TOO_LARGE, readBody } from './request-body.ts';
import { sendError, sendJson, sendJsonError, unknownAccessKey } from './wire-answers.ts';

/** Above every service's own limit: DynamoDB takes 16 MiB, SQS 1 MiB. */
const MAX_JSON_BYTES = 16 * 1_048_576;
/** Longer than any client keeps an idle connection, so that a kept one is never closed under a request. */
const KEEP_ALIVE_MS = 600_000;

interface FrontOptions {
  /** Where objects, queues and tables persist; undefined keeps them in memory. */
  readonly dataFolder: string | undefined;
  /** A free one by default. */
  readonly port?: number;
}

/** Starts S3, SQS and DynamoDB behind one endpoint on 127.0.0.1. */
export async function startFront(options: FrontOptions): Promise<ServiceFront> {
  const listeners: Listeners = { calls: [], events: [] };
  const emulators = await openEmulators(options.dataFolder, (event) => notify(listeners.events, event));
  const jsonServices = new Map<string, JsonServiceHandler>();
  const keys = new AccessKeys();
  const router = { emulators, jsonServices, keys, listeners };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    route(router, request, response).catch((error: unknown) => answerFailure(response, error));
  });
  const endpoint = await listen(server, options.port ?? 0);
  emulators.queues.resume(endpoint);
  return {
    endpoint,
    credentialsFor: (principal) => keys.credentialsFor(principal),
    onCall: (listener) => void listeners.calls.push(listener),
    onObjectCreated: (listener) => void listeners.events.push(listener),
    pendingEvents: () => emulators.events.pending(),
    settleEvent: (id) => emulators.events.settle(id),
    createBucket: async (name, bucketOptions) => emulators.objects.createBucket(name, bucketOptions),
    createTable: (definition) => emulators.tables.createTable(definition),
    createQueue: async (definition) => emulators.queues.createQueue(definition, endpoint),
    readQueue: (name, principal) =>
      emulators.queues.openReader(name, (calls) => {
        for (const call of calls) notify(listeners.calls, { principal, ...call });
      }),
    mountJsonService: (service, handler) => void jsonServices.set(service, handler),
    stop: () => stop(server, emulators),
  };
}

interface Listeners {
  readonly calls: ((call: ServiceCall) => void)[];
  readonly events: ((event: EventBridgeEvent) => void)[];
}

interface Router {
  readonly emulators: Emulators;
  readonly jsonServices: ReadonlyMap<string, JsonServiceHandler>;
  readonly keys: AccessKeys;
  readonly listeners: Listeners;
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function stop(server: Server, emulators: Emulators): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  await emulators.stop();
}

async function route(router: Router, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const scope = readCredentialScope(request);
  if (scope === undefined && isFormUpload(request)) return acceptForm(router, request, response);
  const service = scope?.service ?? 's3';
  const principal = scope && router.keys.principalOf(scope.accessKeyId);
  if (principal === undefined) return refuseCaller(request, response, service, scope === undefined);
  const exchange = { request, response, principal, report: reporter(router.listeners, principal, response) };
  if (service === 's3') return router.emulators.objects.handle(exchange);
  const body = await readBody(request, MAX_JSON_BYTES);
  if (body === BODY_ABORTED) return;
  if (body === BODY_TOO_LARGE) return refuseLargeCall(request, response);
  const input = parseInput(body);
  if (input === undefined) return sendJsonError(response, { status: 400, code: 'SerializationException', message: 'expected the body to be a JSON object' });
  await answerJson(router, service, exchange, input);
}

/** Who signed a form stands among its fields. */
async function acceptForm({ emulators, keys, listeners }: Router, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const principalOf = (accessKeyId: string): Principal => keys.principalOf(accessKeyId)!;
  const secretOf = (accessKeyId: string): string | undefined => keys.secretOf(accessKeyId);
  await emulators.objects.handleForm(request, response, { secretOf, reportFor: (accessKeyId) => reporter(listeners, principalOf(accessKeyId), response), principalOf });
}

function answerJson(router: Router, service: string, exchange: Exchange, input: Record<string, unknown>): Promise<void> | void {
  if (service === 'sqs') return router.emulators.queues.handle(exchange, input);
  if (service === 'dynamodb') return router.emulators.tables.handle(exchange, input);
  const handler = router.jsonServices.get(service);
  if (handler !== undefined) return answerMounted(service, handler, exchange, input);
  throw new ServiceFault('UnknownOperationException', `The embedded stack has no service ${service}`, 404);
}

async function answerMounted(service: string, handler: JsonServiceHandler, exchange: Exchange, input: Record<string, unknown>): Promise<void> {
  const { request, response, principal, report } = exchange;
  const name = String(request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
  const action = `${service}:${name}`;
  try {
    const { output, resource } = await handler(name, input, principal);
    report([{ action, resource }]);
    sendJson(response, 200, output);
  } catch (error) {
    if (!(error instanceof ServiceFault)) throw error;
    report([{ action, resource: namedResource(input) }]);
    sendJsonError(response, { status: error.status, code: error.name, message: error.message });
  }
}

/** The resource of a mounted service's call that failed, as far as its input names one. */
function namedResource(input: Record<string, unknown>): string {
  const { stateMachineArn, executionArn, resourceArn, Name } = input;
  if (typeof Name === 'string') return parameterArn(Name);
  return [stateMachineArn, executionArn, resourceArn].find((arn) => typeof arn === 'string') ?? '*';
}

function parseInput(body: Buffer): Record<string, unknown> | undefined {
  try {
    const input: unknown = JSON.parse(body.toString());
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? (input as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function reporter(listeners: Listeners, principal: Principal, response: ServerResponse): Exchange['report'] {
  return (calls: readonly ResourceCall[], ifAbsent: readonly ResourceCall[] = []) => {
    if (listeners.calls.length === 0) return;
    response.once('finish', () => {
      for (const call of response.statusCode === 404 ? [...calls, ...ifAbsent] : calls) notify(listeners.calls, { principal, ...call });
    });
  };
}

/** A listener's failure is its own: the call was answered, the other listeners still hear of it. */
function notify<T>(listeners: readonly ((value: T) => void)[], value: T): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}

function refuseCaller(request: IncomingMessage, response: ServerResponse, service: string, isAnonymous: boolean): void {
  const message = 'expected a signed request, got none; give the client the credentials of a principal';
  const missing = { status: 403, code: 'AccessDenied', message };
  request.resume();
  sendError(service, response, isAnonymous ? missing : unknownAccessKey(service));
}

function refuseLargeCall(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('connection', 'close');
  sendJsonError(response, { status: 413, code: 'RequestEntityTooLarge', message: `expected a body of at most ${MAX_JSON_BYTES} bytes` });
  request.resume();
}

function answerFailure(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  if (error instanceof ServiceFault) return sendJsonError(response, { status: error.status, code: error.name, message: error.message });
  sendJsonError(response, { status: 500, code: 'InternalServerError', message: error instanceof Error ? error.message : String(error) });
}
