import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createLambdaHost, type HostedFunction, type LambdaHost } from '../../../../../localstack/embedded/functions/function-host.ts';
import { requestIdOf, traceHeaderOf } from '../../../../../localstack/embedded/functions/trace-header.ts';
import { Slots } from '../../../../../localstack/embedded/functions/slots.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function bundle(code: string, file = 'index.mjs'): string {
  const folder = mkdtempSync(join(tmpdir(), 'host-test-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, file), code);
  return folder;
}

const define = (code: string, more: Partial<HostedFunction> = {}, file?: string): HostedFunction => ({
  name: 'f',
  codeFolder: bundle(code, file),
  handler: 'index.handler',
  environment: {},
  timeoutSeconds: 20,
  memoryMb: 128,
  maxConcurrency: 1,
  ...more,
});

function host(...functions: HostedFunction[]): LambdaHost {
  const made = createLambdaHost({ functions, drainMs: 50 });
  cleanups.push(() => made.stop());
  return made;
}

const HANGS = 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 1e6));';

it('a handler sees its event as JSON, its own environment and nothing of the machine', async () => {
  process.env['SPILLWAY_HOST_TEST'] = 'the machine';
  cleanups.push(() => delete process.env['SPILLWAY_HOST_TEST']);
  const code = 'export const handler = async (event) => ({ event, own: process.env.OWN, machine: process.env.SPILLWAY_HOST_TEST ?? null, name: process.env.AWS_LAMBDA_FUNCTION_NAME });';
  const answer = await host(define(code, { environment: { OWN: 'x' } })).invoke('f', { at: new Date(0), gone: undefined });
  expect(answer).toEqual({ ok: true, payload: { event: { at: '1970-01-01T00:00:00.000Z' }, own: 'x', machine: null, name: 'f' } });
});

it('the context names the request, the function, the memory and the time left', async () => {
  const code = 'export const handler = async (_, c) => ({ id: typeof c.awsRequestId, arn: c.invokedFunctionArn, memory: c.memoryLimitInMB, left: c.getRemainingTimeInMillis() });';
  const answer = await host(define(code)).invoke('arn:aws:lambda:us-east-1:000000000000:function:f', {});
  expect(answer).toMatchObject({ ok: true, payload: { id: 'string', arn: 'arn:aws:lambda:us-east-1:000000000000:function:f', memory: '128' } });
  const { left } = (answer as { payload: { left: number } }).payload;
  expect(left > 0 && left <= 20_000).toBe(true);
});

it('CommonJS bundles run too', async () => {
  expect(await host(define('exports.handler = async () => 7;', {}, 'index.cjs')).invoke('f', {})).toEqual({ ok: true, payload: 7 });
});

it('an environment is used again, one invocation at a time', async () => {
  const made = host(define('let n = 0, busy = 0; export const handler = async () => { busy++; await null; const seen = [++n, busy]; busy--; return seen; };'));
  const answers = await Promise.all([made.invoke('f', {}), made.invoke('f', {}), made.invoke('f', {})]);
  expect(answers.map((answer) => answer.ok && answer.payload)).toEqual([[1, 1], [2, 1], [3, 1]]);
});

it.each<[string, string, string]>([
  ['a thrown error is told by its name', "export const handler = async () => { const e = new Error('m'); e.name = 'OwnError'; throw e; };", 'OwnError'],
  ['process.exit ends the environment', 'export const handler = () => process.exit(3);', 'Runtime.ExitError'],
  ['a rejection nobody handles ends the environment', 'export const handler = () => { Promise.reject(new Error()); return new Promise(() => {}); };', 'Runtime.UnhandledPromiseRejection'],
  ['an error outside the handler ends the environment', "export const handler = () => { setTimeout(() => { throw new RangeError('x'); }); return new Promise(() => {}); };", 'RangeError'],
  ['a callback handler is refused', 'export const handler = (event, context, callback) => callback();', 'Runtime.CallbackHandlerDeprecated'],
  ['a missing handler is told', 'export const other = 1;', 'Runtime.HandlerNotFound'],
  ['a bundle that fails to load is told', "throw new TypeError('no');", 'TypeError'],
  ['an answer above 6 MB is refused', "export const handler = async () => 'x'.repeat(7e6);", 'Function.ResponseSizeTooLarge'],
])('%s', async (_, code, errorType) => {
  expect(await host(define(code)).invoke('f', {})).toMatchObject({ ok: false, errorType });
});

it('an event above 6 MB is refused', async () => {
  expect(await host(define('export const handler = async () => 1;')).invoke('f', 'x'.repeat(7_000_000))).toMatchObject({ ok: false, errorType: 'RequestEntityTooLargeException' });
});

it('the time-out ends a handler that never yields', async () => {
  expect(await host(define('export const handler = () => { for (;;); };', { timeoutSeconds: 0.2 })).invoke('f', {})).toMatchObject({ ok: false, errorType: 'Sandbox.Timedout' });
});

it('memory above the limit ends the environment alone', async () => {
  const code = 'const kept = []; export const handler = async (event) => { while (event.fill) kept.push(new Array(1e5).fill({}).map(() => ({}))); return 1; };';
  const made = host(define(code, { memoryMb: 32 }));
  expect(await made.invoke('f', { fill: true })).toMatchObject({ ok: false, errorType: 'Runtime.OutOfMemory' });
  expect(await made.invoke('f', {})).toEqual({ ok: true, payload: 1 });
});

it('the semi-space of NODE_OPTIONS becomes the thread\'s young generation', async () => {
  const code = "import { resourceLimits } from 'node:worker_threads'; export const handler = async () => [resourceLimits.maxYoungGenerationSizeMb, process.env.NODE_OPTIONS ?? null];";
  expect(await host(define(code, { environment: { NODE_OPTIONS: '--max-semi-space-size=16' } })).invoke('f', {})).toEqual({ ok: true, payload: [48, null] });
});

it('other NODE_OPTIONS are refused before anything runs', () => {
  expect(() => host(define('', { environment: { NODE_OPTIONS: '--inspect' } }))).toThrow(/expected NODE_OPTIONS .*--max-semi-space-size=<MB>, got "--inspect"/);
});

it('after a crash the next invocation gets a new environment', async () => {
  const made = host(define('let n = 0; export const handler = async (event) => { if (event.die) process.exit(1); return ++n; };'));
  expect(await made.invoke('f', {})).toEqual({ ok: true, payload: 1 });
  await made.invoke('f', { die: true });
  expect(await made.invoke('f', {})).toEqual({ ok: true, payload: 1 });
});

it('a killed environment fails its invocation as a dead machine would', async () => {
  const made = host(define(HANGS));
  const reservation = await made.reserve('f');
  const answer = reservation.invoke({});
  expect(await made.killEnvironment('f')).toBe(true);
  expect(await answer).toMatchObject({ ok: false, errorType: 'Runtime.ExitError' });
  expect(await made.killEnvironment('f')).toBe(false);
});

it('an invocation is killed by the id that its calls carry, and no other with it', async () => {
  const code = 'export const handler = () => { console.log(process.env._X_AMZN_TRACE_ID); return new Promise((resolve) => setTimeout(resolve, 1e6)); };';
  const { promise: printed, resolve } = Promise.withResolvers<string>();
  const made = createLambdaHost({ functions: [define(code), define(HANGS, { name: 'other' })], drainMs: 50, onOutput: (_, text) => resolve(text.trim()) });
  cleanups.push(() => made.stop());
  const other = await made.reserve('other');
  void other.invoke({});
  const answer = made.invoke('f', {});
  const header = await printed;
  expect(header).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/);
  const requestId = requestIdOf(header)!;
  expect(traceHeaderOf(requestId)).toBe(header);
  expect(await made.killInvocation(requestId)).toBe(true);
  expect(await answer).toMatchObject({ ok: false, errorType: 'Runtime.ExitError' });
  expect(await made.killInvocation(requestId)).toBe(false);
  expect(await made.killEnvironment('other')).toBe(true);
});

it('functions with shared slots wait for each other', async () => {
  const sharedSlots = new Slots(1);
  const made = host(define(HANGS, { name: 'a', sharedSlots }), define('export const handler = async () => 1;', { name: 'b', sharedSlots }));
  const place = await made.reserve('a');
  let hasB = false;
  const b = made.reserve('b').then((reservation) => ((hasB = true), reservation));
  await new Promise(setImmediate);
  expect(hasB).toBe(false);
  place.release();
  expect(await (await b).invoke({})).toEqual({ ok: true, payload: 1 });
});

it('stop ends invocations that do not end themselves, and refuses new ones', async () => {
  const made = host(define(HANGS));
  const answer = (await made.reserve('f')).invoke({});
  await made.stop();
  expect(await answer).toMatchObject({ ok: false, errorType: 'Runtime.ExitError' });
  await expect(made.invoke('f', {})).rejects.toThrow('the stack stops');
});

it('after an update of its code new environments have the new code, and what is in work is finished by the old', async () => {
  const made = host(define('export const handler = async () => "old";', { maxConcurrency: 2 }));
  const idle = await made.invoke('f', {});
  const inWork = (await made.reserve('f')).invoke({});
  made.updateCode('f', bundle('export const handler = async () => "new";'));
  const after = await Promise.all([made.invoke('f', {}), inWork, inWork.then(() => made.invoke('f', {}))]);
  expect([idle, ...after].map((answer) => (answer.ok ? answer.payload : answer.errorType))).toEqual(['old', 'new', 'old', 'new']);
});
