import { estimateTokenCount } from 'tokenx';
import type { JsonObject } from '../../../shared/rows.ts';
import { SlidingWindow, type WindowLimits } from './sliding-window.ts';

export interface ChatApiOptions {
  readonly limits: WindowLimits;
  /** Every call has to carry it. @default none */
  readonly key?: string;
  /** What the model answers, before it is asked whether that is right. @default an object that fits the schema, else a sentence */
  readonly answer?: (request: ChatRequest) => string;
  /** What it bills for a call. @default both texts, counted */
  readonly usage?: (request: ChatRequest, text: string) => { readonly input: number; readonly output: number };
}

export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly max_completion_tokens?: number;
  readonly response_format?: { readonly json_schema?: { readonly schema?: JsonObject } };
}

export interface ChatAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

/** A stand-in for an API of chat completions, with a provider's limits over an exact sliding window. Knows nothing of time and the network. */
export class ChatApi {
  readonly #options: ChatApiOptions;
  readonly #window: SlidingWindow;
  readonly counts = { answered: 0, refused: 0, tokens: 0 };

  constructor(options: ChatApiOptions) {
    this.#options = options;
    this.#window = new SlidingWindow(options.limits);
  }

  handle(request: ChatRequest, authorization: string | undefined, nowMs: number): ChatAnswer {
    const { key, answer = answerBySchema, usage = countTexts } = this.#options;
    if (key !== undefined && authorization !== `Bearer ${key}`) return refuse(401, 'invalid_api_key', `Incorrect API key provided: ${authorization ?? 'none'}`);
    const text = answer(request);
    const { input, output } = usage(request, text);
    const taken = this.#window.take(input + output, nowMs);
    if (!taken.isTaken) {
      this.counts.refused++;
      return refuse(429, 'rate_limit_exceeded', 'Rate limit reached', { 'retry-after-ms': String(Math.ceil(taken.retryAfterMs)) });
    }
    this.counts.answered++;
    this.counts.tokens += input + output;
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: text } }];
    return { status: 200, headers: {}, body: { object: 'chat.completion', model: request.model, choices, usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } } };
  }
}

const refuse = (status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): ChatAnswer => ({ status, headers, body: { error: { code, type: code, message } } });

const countTexts = ({ messages }: ChatRequest, text: string) => ({ input: messages.reduce((sum, { content }) => sum + estimateTokenCount(content) + 4, 3), output: estimateTokenCount(text) });

const SENTENCE = 'The weir keeps the river within its banks, and the lock lets boats pass it at any height of the water.';

function answerBySchema({ response_format: format, messages }: ChatRequest): string {
  const schema = format?.json_schema?.schema;
  const asked = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  return schema ? JSON.stringify(exampleOf(schema, asked)) : `${asked.slice(0, 60)}: ${SENTENCE}`;
}

/** A value that fits simple schemas: those that examples and tests use. */
function exampleOf(schema: JsonObject, asked: string): unknown {
  const { type, properties = {}, items = {}, minItems, enum: values, minimum } = schema as { type?: string; properties?: Record<string, JsonObject>; items?: JsonObject; minItems?: number; enum?: unknown[]; minimum?: number };
  if (values) return values[0];
  if (type === 'object') return Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, exampleOf(of, asked)]));
  if (type === 'array') return Array.from({ length: minItems ?? 2 }, () => exampleOf(items, asked));
  if (type === 'number' || type === 'integer') return minimum ?? 1;
  return type === 'boolean' ? true : `${asked.slice(0, 40)}: ${SENTENCE}`;
}
