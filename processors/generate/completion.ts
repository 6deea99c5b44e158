import { z } from 'zod';
import type { TokenUsage } from '../../shared/api-call.ts';
import type { ItemError, JsonObject } from '../../shared/rows.ts';

/** A chat completion, as OpenAI and those that follow it answer: what is read of it. Everything else may be there. */
const completionSchema = z.object({
  model: z.string().default(''),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
});
const usageSchema = z.object({ usage: z.object({ prompt_tokens: z.int().nonnegative(), completion_tokens: z.int().nonnegative().default(0) }) });

export type Completion = { readonly ok: true; readonly text: string; readonly model: string } | { readonly ok: false; readonly error: ItemError };

const SHOWN_CHARACTERS = 200;

export function readCompletion(answer: JsonObject): Completion {
  const parsed = completionSchema.safeParse(answer);
  if (!parsed.success) return fault('ApiAnswerError', `expected a chat completion, got ${JSON.stringify(answer).slice(0, SHOWN_CHARACTERS)}`, true);
  const { finish_reason: finish, message } = parsed.data.choices[0]!;
  if (message.refusal) return fault('ContentRefusedError', `the model refused: ${message.refusal.slice(0, SHOWN_CHARACTERS)}`, false);
  if (finish === 'content_filter') return fault('ContentRefusedError', "the API's filter cut the answer", false);
  if (finish === 'length') return fault('OutputTruncatedError', 'expected an answer within maxOutputTokens, it was cut there: raise it', false);
  if (!message.content) return fault('EmptyOutputError', 'expected an answer, got an empty one', true);
  return { ok: true, text: message.content, model: parsed.data.model };
}

export function readUsage(answer: JsonObject): TokenUsage | undefined {
  const parsed = usageSchema.safeParse(answer);
  return parsed.success ? { input: parsed.data.usage.prompt_tokens, output: parsed.data.usage.completion_tokens } : undefined;
}

const fault = (name: string, message: string, retryable: boolean): Completion => ({ ok: false, error: { name, message, retryable } });
