import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Work, workItems } from '../../lambdas/process-batch/work-items.ts';
import { noop } from '../../processors/noop/processor.ts';
import type { ProcessAnswer } from '../../processors/processor.ts';
import { packPart, unpackPart } from '../../shared/parts.ts';
import type { ResultRow } from '../../shared/rows.ts';
import { hostileText, inheritedNames, PROTOTYPE_KEYS } from '../support/hostile.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../shared/uploads.ts';

/** A processor may return and throw anything: each item has its own end, and the part that holds them reads back as it was written. */

const anything = fc.anything({
  key: fc.oneof(hostileText, fc.constantFrom(...PROTOTYPE_KEYS)),
  withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withObjectString: true, withSparseArray: true, withTypedArray: true,
});
const circle = fc.constant(null).map(() => {
  const value: Record<string, unknown> = {};
  return Object.assign(value, { value });
});
const trap = fc.constantFrom('verdict', 'output', 'error', 'name', 'message').map((name) => Object.defineProperty({ verdict: 'succeeded' }, name, { enumerable: true, get: () => { throw new Error('trap'); } }));
const output = fc.oneof(anything, circle, trap, fc.constant({ n: NaN }), fc.constant({ f: () => 1 }), fc.constant({ s: '\ud800' }));

const returned = fc.oneof(
  output,
  output.map((value) => ({ verdict: 'succeeded', output: value, line: 7, input: 'other', attempts: -1 })),
  fc.record({ verdict: fc.constantFrom('failed', 'skipped', 'succeeded', 'done', '__proto__'), error: anything, reason: anything, output: anything }, { requiredKeys: ['verdict'] }),
  fc.record({ verdict: fc.constant('failed'), error: fc.record({ name: output, message: output, retryable: anything }) }),
);
const thrown = fc.oneof(output, trap.map((value) => Object.assign(new Error('with a trap'), { value })), hostileText.map((text) => Object.assign(new Error(text), { name: text })));
type End = { readonly kind: 'good' } | { readonly kind: 'returns' | 'throws'; readonly value: unknown };
const end: fc.Arbitrary<End> = fc.oneof(
  fc.constant({ kind: 'good' as const }),
  returned.map((value) => ({ kind: 'returns' as const, value })),
  thrown.map((value) => ({ kind: 'throws' as const, value })),
);

const workOf = (ends: readonly End[]): Work => ({
  processor: {
    ...noop,
    concurrency: 3,
    process: async ({ line }): Promise<ProcessAnswer> => {
      const { kind, ...its } = ends[line - 1]!;
      if (kind === 'good') return { verdict: 'succeeded', output: { good: line } };
      if (kind === 'throws') throw (its as { value: unknown }).value;
      return (its as { value: ProcessAnswer }).value;
    },
  },
  options: {},
  fetchPage: () => Promise.reject(new Error('no fetch in this test')),
  callApi: NO_APIS_CONFIGURED,
  limiter: UNLIMITED_CALLS,
  readUpload: NO_UPLOADS,
  clock: () => 0,
  sleep: async () => undefined,
  random: () => 0,
  retries: 0,
  startedAt: 0,
  stopAt: 60_000,
});

const header = { run: 'r', shard: 0, batch: 0, q: 1, owner: 'o', previous: null };

test('whatever processors return or throw, each item has one row of its own, and the part reads back as it was written', async () => {
  const inherited = inheritedNames();
  await fc.assert(
    fc.asyncProperty(fc.array(end, { minLength: 1, maxLength: 8 }), async (ends) => {
      const items = ends.map((_, ordinal) => ({ ordinal, item: { line: ordinal + 1, input: { its: ordinal } } }));
      const { rows, left } = await workItems(items, workOf(ends));
      expect(left).toEqual([]);
      expect(rows.map(({ line, input, attempts }) => ({ line, input, attempts }))).toEqual(items.map(({ item }) => ({ ...item, attempts: 1 })));
      for (const [i, row] of rows.entries()) if (ends[i]!.kind === 'good') expect(row).toMatchObject({ verdict: 'succeeded', output: { good: i + 1 } });
      for (const row of rows) expect(isWhole(row)).toBe(true);
      const part = await packPart(header, rows);
      const stored = await unpackPart(part.id, part.bytes);
      expect(stored.rows.map((row) => JSON.stringify(row))).toEqual(rows.map((row) => JSON.stringify(row)));
    }),
    { numRuns: 400 },
  );
  expect(inheritedNames()).toEqual(inherited);
});

function isWhole(row: ResultRow): boolean {
  switch (row.verdict) {
    case 'succeeded':
      return typeof row.output === 'object' && row.output !== null && !Array.isArray(row.output);
    case 'failed':
      return row.error.name !== '' && typeof row.error.name === 'string' && typeof row.error.message === 'string' && typeof row.error.retryable === 'boolean';
    case 'skipped':
      return typeof row.reason === 'string';
  }
}
