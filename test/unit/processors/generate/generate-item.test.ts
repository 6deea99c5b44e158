import { describe, expect, it } from 'vitest';
import { generateItem } from '../../../../processors/generate/generate-item.ts';
import { optionsSchema } from '../../../../processors/generate/options.ts';
import type { ApiAnswer, ApiCall } from '../../../../shared/api-call.ts';
import { UNLIMITED_CALLS } from '../../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../../shared/uploads.ts';

const SCHEMA = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'], additionalProperties: false };
const options = optionsSchema.parse({ model: 'm1', template: 'About {{topic}}', system: 'Be brief.', schema: SCHEMA, maxOutputTokens: 200, temperature: 0 });

const said = (content: string | null, more: object = {}, finish = 'stop'): ApiAnswer => ({
  kind: 'answered',
  body: { model: 'm1-2026', choices: [{ finish_reason: finish, message: { content, ...more } }], usage: { prompt_tokens: 30, completion_tokens: 12 } },
});

async function generate(answers: readonly ApiAnswer[], { given = options, signal = new AbortController().signal } = {}) {
  const calls: ApiCall[] = [];
  let next = 0;
  const callApi = async (call: ApiCall): Promise<ApiAnswer> => {
    calls.push(call);
    return answers[next++]!;
  };
  const context = { options: given, signal, now: () => 1000, fetchPage: () => Promise.reject(new Error('no pages')), callApi, limiter: UNLIMITED_CALLS, readUpload: NO_UPLOADS };
  return { answer: await generateItem({ line: 1, input: { topic: 'weirs' } }, context), calls };
}

describe('one item', () => {
  it('is one call with the filled-in messages, the schema and an estimate of its tokens', async () => {
    const { answer, calls } = await generate([said('{"title":"Weirs"}')]);
    expect(answer).toEqual({ verdict: 'succeeded', output: { content: { title: 'Weirs' }, model: 'm1-2026', usage: { inputTokens: 30, outputTokens: 12, calls: 1 } } });
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ api: 'openai', model: 'm1', path: '/chat/completions', timeoutMs: 60_000, tokens: { maxOutput: 200 } });
    expect(calls[0]!.body).toEqual({
      model: 'm1',
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'About weirs' }],
      max_completion_tokens: 200,
      temperature: 0,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: SCHEMA, strict: true } },
    });
    expect(calls[0]!.tokens.input).toBeGreaterThan(10);
    expect(calls[0]!.readUsage({ usage: { prompt_tokens: 7, completion_tokens: 8 } })).toEqual({ input: 7, output: 8 });
    expect(calls[0]!.readUsage({ usage: null })).toBeUndefined();
  });

  it('without a schema answers the text', async () => {
    const { answer, calls } = await generate([said('Just text')], { given: optionsSchema.parse({ model: 'm1' }) });
    expect(answer).toMatchObject({ output: { content: 'Just text' } });
    expect(calls[0]!.body).not.toHaveProperty('response_format');
  });

  it('reads JSON out of a code fence', async () => {
    expect((await generate([said('```json\n{"title":"x"}\n```')])).answer).toMatchObject({ verdict: 'succeeded', output: { content: { title: 'x' } } });
  });

  it('is asked once more, with what did not fit, and both calls are counted', async () => {
    const { answer, calls } = await generate([said('{"titel":"x"}'), said('{"title":"x"}')]);
    expect(answer).toMatchObject({ verdict: 'succeeded', output: { usage: { inputTokens: 60, outputTokens: 24, calls: 2 } } });
    const messages = calls[1]!.body['messages'] as { role: string; content: string }[];
    expect(messages.slice(-2)).toMatchObject([{ role: 'assistant', content: '{"titel":"x"}' }, { role: 'user', content: expect.stringContaining("must have required property 'title'") }]);
  });

  it('fails when the second answer does not fit either: it is never asked a third time', async () => {
    const { answer, calls } = await generate([said('no json'), said('{"title":7}')]);
    expect(answer).toMatchObject({ verdict: 'failed', error: { name: 'InvalidOutputError', message: expect.stringContaining('/title: must be string'), retryable: false } });
    expect(calls).toHaveLength(2);
  });

  it('is held back by a limit before its first call only: the second waits, so that the first is not paid twice', async () => {
    expect((await generate([{ kind: 'held', until: 5000, limit: 'api:openai:m1:tokens' }])).answer).toEqual({ verdict: 'held', until: 5000, limit: 'api:openai:m1:tokens' });
    expect((await generate([said('no json'), { kind: 'held', until: 1001 }, said('{"title":"x"}')])).answer).toMatchObject({ verdict: 'succeeded' });
  });

  it('whose time ends while the second call waits fails with what did not fit, and may be tried again', async () => {
    const { answer } = await generate([said('no json'), { kind: 'held', until: 9_999_999 }], { signal: AbortSignal.abort() });
    expect(answer).toMatchObject({ verdict: 'failed', error: { name: 'InvalidOutputError', retryable: true } });
  });

  it.each([
    ['a refusal', said(null, { refusal: 'I will not' }), 'ContentRefusedError', false],
    ['a filtered answer', said('x', {}, 'content_filter'), 'ContentRefusedError', false],
    ['an answer that was cut', said('{"ti', {}, 'length'), 'OutputTruncatedError', false],
    ['an empty answer', said(''), 'EmptyOutputError', true],
    ['another kind of answer', { kind: 'answered' as const, body: { choices: [] } }, 'ApiAnswerError', true],
    ['a failed call', { kind: 'failed' as const, error: { name: 'ApiAuthError', message: 'no', retryable: false } }, 'ApiAuthError', false],
  ])('%s is a failure of its own name', async (_, answer, name, retryable) => {
    expect((await generate([answer])).answer).toMatchObject({ verdict: 'failed', error: { name, retryable } });
  });
});
