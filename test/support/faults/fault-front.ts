import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as sendRequest, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { CallNames, type NamedCall, runOf } from './call-names.ts';
import { readWireCall, type WireCall } from './wire-call.ts';
import { type FaultKind, reset, sendRefusal } from './wire-faults.ts';

/** One run as the front sees it. */
export interface Scene {
  /** Decides each attempt of each call. A function that waits holds the call up. */
  readonly judge: (call: NamedCall) => FaultKind | undefined;
  /** Runs that are over: what still comes for them is passed on and not judged. */
  readonly pastRuns?: ReadonlySet<string>;
}

export interface FaultFrontOptions {
  /** Of the services: `http://127.0.0.1:<port>`. */
  readonly target: string;
  readonly callerOf: (call: WireCall) => string;
  /** Ends the worker thread that has this invocation; without it nothing can be killed. */
  readonly killInvocation?: (requestId: string) => Promise<boolean>;
  readonly delayMs?: number;
  /** A fault that could not be made, or a service that did not answer; the caller's connection is reset. */
  readonly onError?: (error: unknown) => void;
}

export interface FaultFront {
  readonly endpoint: string;
  /** From now on calls are named anew and judged by this; without one they are passed on. */
  play(scene: Scene | undefined): void;
  /** Judges what does not go over the wire. */
  judge(call: WireCall): FaultKind | undefined;
  stop(): Promise<void>;
}

const DELAY_MS = 1_000;

/** A reverse proxy on 127.0.0.1 between the SDK and the services. Whatever it does not spoil it passes on as it came, `Host` included. */
export async function startFaultFront(options: FaultFrontOptions): Promise<FaultFront> {
  const agent = new Agent({ keepAlive: true });
  let play: { readonly scene: Scene; readonly names: CallNames } | undefined;
  const judge = (call: WireCall): FaultKind | undefined => (play === undefined || play.scene.pastRuns?.has(runOf(call) ?? '') ? undefined : play.scene.judge(play.names.name(call)));
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
    handle({ request, response, options, agent }, judge).catch((error: unknown) => {
      // A caller that has gone is no news.
      if (!request.destroyed || error instanceof FaultError) options.onError?.(error);
      reset(request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    judge,
    play: (scene) => void (play = scene && { scene, names: new CallNames(options.callerOf) }),
    stop: () => stop(server, agent),
  };
}

async function stop(server: Server, agent: Agent): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
  agent.destroy();
}

interface Passed {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly options: FaultFrontOptions;
  readonly agent: Agent;
}

async function handle(passed: Passed, judge: FaultFront['judge']): Promise<void> {
  const { request, response, options } = passed;
  const body = await buffer(request);
  const call = readWireCall(request, body);
  const fault = call && judge(call);
  if (fault === 'fail') return reset(request);
  if (fault === 'throttle') return sendRefusal(response, call!);
  if (fault === 'delay') await wait(options.delayMs ?? DELAY_MS);
  if (fault === 'kill before') {
    await kill(call!, options);
    return reset(request);
  }
  const answer = await ask(passed, body);
  if (fault === 'lose' || fault === 'kill after') {
    await buffer(answer);
    if (fault === 'kill after') await kill(call!, options);
    return reset(request);
  }
  response.writeHead(answer.statusCode!, answer.rawHeaders);
  if (fault === 'cut') return cut(answer, passed);
  answer.pipe(response);
}

class FaultError extends Error {
  override readonly name = 'FaultError';
}

/** @throws FaultError if the call belongs to no invocation: then the fault would not be what it is called */
async function kill(call: WireCall, { killInvocation }: FaultFrontOptions): Promise<void> {
  const isKilled = call.requestId !== undefined && (await killInvocation?.(call.requestId));
  if (isKilled !== true) throw new FaultError(`expected an invocation that made ${call.service}:${call.action}, found none`);
}

async function ask({ request, options, agent }: Passed, body: Buffer): Promise<IncomingMessage> {
  const { hostname, port } = new URL(options.target);
  const asked = sendRequest({ hostname, port, method: request.method, path: request.url, headers: request.rawHeaders, agent, setHost: false });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

/** Headers and half of the body. */
async function cut(answer: IncomingMessage, { request, response }: Passed): Promise<void> {
  const body = await buffer(answer);
  const half = body.subarray(0, body.length >> 1);
  if (half.length === 0) response.flushHeaders();
  else await new Promise((resolve) => response.write(half, resolve));
  request.socket.destroy();
}
