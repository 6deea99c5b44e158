import { describe, expect, it } from 'vitest';
import { awaitInputSchema, failInputSchema, runInputSchema } from '../../../shared/messages.ts';
import { readPayload } from '../../../shared/parse-json.ts';
import { uploadOf } from '../../../shared/upload-event.ts';
import { RUN_ID } from '../../support/ledger-fixtures.ts';

const BROKEN: readonly unknown[] = [undefined, null, 7, 'text', [], {}, { v: 2, run: RUN_ID }, { v: 1 }, { v: 1, run: '../../x' }, { v: 1, run: [RUN_ID] }];

describe('a payload of another form', () => {
  it.each(BROKEN.map((payload) => [JSON.stringify(payload) ?? 'undefined', payload] as const))('is refused by name before anything is done: %s', (_, payload) => {
    for (const schema of [runInputSchema, awaitInputSchema, failInputSchema]) {
      expect(() => readPayload<unknown>(payload, schema)).toThrow(expect.objectContaining({ name: 'PayloadError', retryable: false }) as Error);
    }
  });

  it('is described in a sentence that Step Functions and SQS can carry, however wrong it is', () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`unknown-${i}`, i]));
    const wrong = { v: 'x'.repeat(10_000), run: many, token: many, execution: many, attempt: many };
    expect(() => readPayload({ ...many, ...wrong }, awaitInputSchema)).toThrow(/^expected another payload: .{100,1000}$/);
  });

  it('is none for a field that a later release may have added', () => {
    expect(readPayload({ v: 1, run: RUN_ID, later: true }, runInputSchema)).toEqual({ v: 1, run: RUN_ID });
    expect(() => readPayload({ v: 1, run: RUN_ID, error: 'not an object' }, failInputSchema)).toThrow('error');
  });
});

describe('the event of an upload', () => {
  const event = { version: '0', time: '2026-01-01T00:00:00Z', detail: { version: '0', bucket: { name: 'b' }, object: { key: 'a/b', size: 3, etag: 'e', 'version-id': 'v', sequencer: '0' } } };

  it('is read, whatever else AWS says in it', () => {
    expect(uploadOf(event)).toEqual({ source: { bucket: 'b', key: 'a/b', version: 'v', bytes: 3, etag: 'e' }, uploadedAt: '2026-01-01T00:00:00Z' });
  });

  it.each([
    ['no detail', { ...event, detail: undefined }],
    ['no key', { ...event, detail: { ...event.detail, object: { size: 3 } } }],
    ['a negative size', { ...event, detail: { ...event.detail, object: { ...event.detail.object, size: -1 } } }],
    ['the event of a queue', { Records: [] }],
    ['nothing', null],
  ])('is refused by name: %s', (_, broken) => {
    expect(() => uploadOf(broken)).toThrow(expect.objectContaining({ name: 'PayloadError' }) as Error);
  });
});
