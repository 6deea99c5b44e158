import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { estimateTokenCount } from 'tokenx';
import type { ApiAnswer, TokenUsage } from '../../shared/api-call.ts';
import type { ItemError, JsonObject } from '../../shared/rows.ts';
import type { ProcessAnswer, ProcessContext, ProcessorItem } from '../processor.ts';
import { createCheck } from './json-schema.ts';
import type { GenerateOptions } from './options.ts';
import { readCompletion, readUsage } from './completion.ts';
import { fillIn } from './template.ts';

type Message = { readonly role: 'system' | 'user' | 'assistant'; readonly content: string };
type Context = ProcessContext<GenerateOptions>;

/** OpenAI's count of what frames each message and the answer. */
const TOKENS_PER_MESSAGE = 4;
const TOKENS_PER_ANSWER = 3;
const SCHEMA_NAME = 'answer';

interface Draft {
  readonly text: string;
  readonly usage: TokenUsage | undefined;
  readonly model: string;
}

/**
 * One call, and a second one if the answer does not fit its schema. Only the first may be held back by a limit: an answer that was paid for
 * is not thrown away because the second has to wait.
 */
export async function generateItem({ input }: ProcessorItem<JsonObject>, context: Context): Promise<ProcessAnswer> {
  const messages = messagesOf(input, context.options);
  const first = readDraft(await ask(messages, context));
  if ('verdict' in first) return first;
  const read = readContent(first, context.options);
  if (read.faults.length === 0) return succeeded(read.content, [first]);
  const second = await repair([...messages, { role: 'assistant', content: first.text }, { role: 'user', content: repairRequest(read.faults) }], context);
  if ('verdict' in second) return second.verdict === 'failed' ? second : invalidOutput(read.faults, true);
  const reread = readContent(second, context.options);
  return reread.faults.length === 0 ? succeeded(reread.content, [first, second]) : invalidOutput(reread.faults, false);
}

const repairRequest = (faults: readonly string[]): string => `Your answer does not fit the schema: ${faults.join('; ')}. Answer again, with the whole JSON and nothing else.`;

function messagesOf(input: JsonObject, { system, template }: GenerateOptions): Message[] {
  const user: Message = { role: 'user', content: fillIn(template, input) };
  return system === undefined ? [user] : [{ role: 'system', content: fillIn(system, input) }, user];
}

function ask(messages: readonly Message[], { options, callApi, signal }: Context): Promise<ApiAnswer> {
  const { api, model, schema, maxOutputTokens, temperature, timeoutSeconds } = options;
  const body = {
    model,
    messages,
    max_completion_tokens: maxOutputTokens,
    ...(temperature !== undefined && { temperature }),
    ...(schema && { response_format: { type: 'json_schema', json_schema: { name: SCHEMA_NAME, schema, strict: true } } }),
  };
  const tokens = { input: countInput(messages, schema), maxOutput: maxOutputTokens, kind: kindOf(options) };
  return callApi({ api, model, path: '/chat/completions', body, tokens, readUsage, timeoutMs: 1000 * timeoutSeconds, signal });
}

/** Waits as long as the item may take: held back it would be made anew, and its first call paid twice. */
async function repair(messages: readonly Message[], context: Context): Promise<Draft | ProcessAnswer> {
  for (;;) {
    const answer = readDraft(await ask(messages, context));
    if (!('verdict' in answer) || answer.verdict !== 'held') return answer;
    if (context.signal.aborted) return answer;
    await delay(Math.max(1, answer.until - context.now()), undefined, { signal: context.signal }).catch(() => undefined);
  }
}

const countInput = (messages: readonly Message[], schema: JsonObject | undefined): number =>
  messages.reduce((sum, { content }) => sum + estimateTokenCount(content) + TOKENS_PER_MESSAGE, TOKENS_PER_ANSWER) + (schema ? estimateTokenCount(JSON.stringify(schema)) : 0);

/** Calls of one template and schema use about the same share of their most. */
const kindOf = ({ api, model, template, system, schema, maxOutputTokens }: GenerateOptions): string =>
  createHash('sha256').update(JSON.stringify([api, model, template, system, schema, maxOutputTokens])).digest('base64url');

function readDraft(answer: ApiAnswer): Draft | ProcessAnswer {
  if (answer.kind === 'held') return { verdict: 'held', until: answer.until, ...(answer.limit !== undefined && { limit: answer.limit }) };
  if (answer.kind === 'failed') return { verdict: 'failed', error: answer.error };
  const completion = readCompletion(answer.body);
  return completion.ok ? { text: completion.text, model: completion.model, usage: readUsage(answer.body) } : failed(completion.error);
}

/** Some models wrap JSON in a code fence, whatever they are told. */
const FENCE = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/;

function readContent({ text }: Draft, { schema }: GenerateOptions): { readonly content: unknown; readonly faults: readonly string[] } {
  if (!schema) return { content: text, faults: [] };
  try {
    const content: unknown = JSON.parse(FENCE.exec(text)?.[1] ?? text);
    return { content, faults: createCheck(schema)(content) };
  } catch (error) {
    return { content: undefined, faults: [`it is no JSON (${error instanceof Error ? error.message.slice(0, 100) : 'unreadable'})`] };
  }
}

const failed = (error: ItemError): ProcessAnswer => ({ verdict: 'failed', error });

/** @param isUnrepaired there was no time for the second call */
const invalidOutput = (faults: readonly string[], isUnrepaired: boolean): ProcessAnswer => {
  const tried = isUnrepaired ? 'and the limits left no time to ask again' : 'also when it was asked again';
  return failed({ name: 'InvalidOutputError', message: `expected an answer that fits the schema, it does not, ${tried}: ${faults.join('; ')}`, retryable: isUnrepaired });
};

function succeeded(content: unknown, drafts: readonly Draft[]): ProcessAnswer {
  const sum = (count: (usage: TokenUsage) => number): number => drafts.reduce((total, { usage }) => total + (usage ? count(usage) : 0), 0);
  const usage = { inputTokens: sum(({ input }) => input), outputTokens: sum(({ output }) => output), calls: drafts.length };
  return { verdict: 'succeeded', output: { content, model: drafts.at(-1)!.model, usage } };
}
