import { z } from 'zod';
import type { Processor } from '../processors/processor.ts';
import { canonicalUrl } from '../shared/web-url.ts';

/** Rows of web addresses that are planned and never worked on. */
export const urlProcessor: Processor = {
  name: 'bench',
  summary: 'Web addresses.',
  workerClass: 'standard',
  primaryField: 'url',
  optionsSchema: z.strictObject({}),
  itemsPerBatch: 250,
  concurrency: 1,
  readRow(fields) {
    const url = typeof fields['url'] === 'string' ? canonicalUrl(fields['url']) : ({ ok: false, reason: 'expected a field `url`' } as const);
    if (!url.ok) return { kind: 'invalid', reason: url.reason };
    return { kind: 'item', input: { url: url.href }, equalityKey: url.href, limitKey: `host:${url.host}` };
  },
  process: () => Promise.reject(new Error('the benchmark only plans')),
};
