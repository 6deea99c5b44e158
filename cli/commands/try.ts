import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkAnswer, checkThrown } from '../../lambdas/process-batch/check-answer.ts';
import type { ProcessAnswer, Processor } from '../../processors/processor.ts';
import { processorOf } from '../../processors/registry.ts';
import type { ApiAnswer, ApiCall } from '../../shared/api-call.ts';
import { createApiDirectory } from '../../shared/api-directory.ts';
import { UsageError } from '../../shared/errors.ts';
import { UNLIMITED } from '../../shared/http/host-limiter.ts';
import { LimitedApiCaller } from '../../shared/limiting/api-caller.ts';
import { UNLIMITED_CALLS } from '../../shared/limiting/unlimited.ts';
import { createJsonTransport } from '../../shared/http/json-transport.ts';
import { createPageFetcher } from '../../shared/http/undici-page-fetcher.ts';
import { describeOptionFaults } from '../../shared/manifest/common-options.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { readApiVariable } from '../api-variable.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { readLocalFile } from '../local-uploads.ts';
import { readRunOptions } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export interface TryCommandOptions {
  readonly option: readonly string[];
  readonly allowedNetworks: readonly string[];
}

const USER_AGENT = 'Spillway/0.1 (try)';
/** Longer texts are cut on a terminal; --json has all of it. */
const SHOWN_CHARACTERS = 2000;

/** Runs one item without a stack: what a processor's author does between two edits. */
export async function tryCommand(name: string, item: string, options: TryCommandOptions, { terminal, signal }: { terminal: Terminal; signal: AbortSignal }): Promise<ExitCode> {
  const processor = await findOrLoad(name);
  const parsed = processor.optionsSchema.safeParse(readRunOptions(options.option));
  if (!parsed.success) throw new UsageError(describeOptionFaults(parsed.error));
  const reading = processor.readRow(readItem(item, processor), parsed.data);
  if (reading.kind !== 'item') throw new UsageError(reading.kind === 'invalid' ? `the item is invalid: ${reading.reason}` : 'expected one item, got a row that asks to be expanded');
  const fetcher = createPageFetcher({ allowedNetworks: options.allowedNetworks, limiter: UNLIMITED, userAgent: USER_AGENT, clock: terminal.now });
  const transport = createJsonTransport({ allowedNetworks: options.allowedNetworks, userAgent: USER_AGENT, clock: terminal.now });
  const apis = new LimitedApiCaller({ apis: createApiDirectory(async (name) => readApiVariable(name), terminal.now), limiter: UNLIMITED_CALLS, settings: async () => ({}), transport, clock: terminal.now });
  const startedAt = terminal.now();
  try {
    const callApi = (call: ApiCall): Promise<ApiAnswer> => apis.call(call, { tenant: 'local' });
    const context = { options: parsed.data, signal, now: terminal.now, fetchPage: fetcher.fetchPage, callApi, limiter: UNLIMITED_CALLS, readUpload: readLocalFile };
    const { answer } = await Promise.try(() => processor.process({ line: 1, input: reading.input }, context)).then(checkAnswer, checkThrown);
    print(answer, terminal.now() - startedAt, terminal);
    return answer.verdict === 'failed' ? EXIT.itemsFailed : EXIT.ok;
  } finally {
    await Promise.all([fetcher.close(), transport.close()]);
  }
}

async function findOrLoad(given: string): Promise<Processor> {
  if (!/[/\\]|\.[cm]?[jt]s$/.test(given)) return processorOf(given);
  const path = resolve(given);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UsageError(`expected a processor's file, but there is nothing at ${given}`);
  const file = found.isDirectory() ? resolve(path, 'processor.ts') : path;
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const processor = Object.values(module).find(isProcessor);
  if (!processor) throw new UsageError(`expected ${given} to export a processor (an object with name, readRow and process), it exports ${Object.keys(module).join(', ') || 'nothing'}`);
  return processor;
}

const isProcessor = (value: unknown): value is Processor =>
  typeof value === 'object' && value !== null && 'name' in value && 'readRow' in value && 'process' in value && 'optionsSchema' in value;

function readItem(text: string, { primaryField }: Processor): JsonObject {
  if (!text.trimStart().startsWith('{')) return { [primaryField]: text };
  try {
    return JSON.parse(text) as JsonObject;
  } catch (error) {
    throw new UsageError(`expected the item to be JSON because it begins with {: ${(error as SyntaxError).message}`);
  }
}

function print(answer: ProcessAnswer, durationMs: number, terminal: Terminal): void {
  if (terminal.isJson) return terminal.print(JSON.stringify({ ...answer, durationMs }));
  terminal.print(`${answer.verdict} in ${durationMs} ms`);
  if (answer.verdict === 'failed') terminal.print(`${answer.error.name}: ${answer.error.message}`);
  else if (answer.verdict === 'skipped') terminal.print(answer.reason);
  else if (answer.verdict === 'succeeded') for (const [field, value] of Object.entries(answer.output)) terminal.print(`--- ${field}\n${show(value)}`);
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}\n… ${text.length - SHOWN_CHARACTERS} characters more: see --json`;
}
