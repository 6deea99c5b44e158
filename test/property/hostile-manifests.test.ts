import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { llmsTxt } from '../../processors/llms-txt/processor.ts';
import { noop } from '../../processors/noop/processor.ts';
import type { Processor } from '../../processors/processor.ts';
import type { ManifestFormat } from '../../shared/manifest/common-options.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { hostileJson, hostileText, inheritedNames, PROTOTYPE_KEYS, spoilt } from '../support/hostile.ts';
import { preparePlanning, readPlan } from '../support/planning.ts';

/** Whatever is uploaded: rows = invalid + items, or a refusal with a sentence. Never another error, and nobody's prototype changes. */

const FORMATS = ['txt', 'csv', 'json', 'jsonl', 'sitemap'] as const;
const lineEnd = fc.constantFrom('\n', '\r\n', '\r', '\n\r', '\u2028', '');
const pieces = fc.array(fc.oneof(hostileText, hostileJson, fc.constantFrom('"', ',', ';', '\t', '[', ']', '{', '}', 'url', 'value', '<url><loc>', '</loc></url>', '<![CDATA[', '-->', '<!--', '&amp;', '&x;', '&#0;', 'https://a.example/')), { maxLength: 20 });
const joined = fc.tuple(pieces, lineEnd).map(([list, end]) => list.join(end));
const START: Readonly<Record<ManifestFormat, string>> = { txt: 'https://a.example/\n', csv: 'url,value,__proto__,constructor\n', json: '["https://a.example/",', jsonl: '{"url":"a.example","value":"a"}\n', sitemap: '<urlset><url><loc>https://a.example/</loc></url>' };

interface Hostile {
  readonly bytes: Buffer;
  /** What its maker says that it is. */
  readonly format?: ManifestFormat;
}

const inFormat = fc.tuple(fc.constantFrom(...FORMATS), spoilt(joined)).map(([format, text]): Hostile => ({ format, bytes: Buffer.from(START[format] + text) }));
const plain = fc.oneof(
  { weight: 8, arbitrary: inFormat },
  { weight: 1, arbitrary: joined.map((text): Hostile => ({ bytes: Buffer.from(text) })) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes): Hostile => ({ bytes: Buffer.from(bytes) })) },
  { weight: 1, arbitrary: joined.map((text): Hostile => ({ bytes: Buffer.from(text, 'utf16le') })) },
  { weight: 1, arbitrary: joined.map((text): Hostile => ({ format: 'txt', bytes: Buffer.from(`\ufeff${text}`) })) },
  { weight: 1, arbitrary: joined.map((text): Hostile => ({ format: 'csv', bytes: Buffer.from(START.csv + text, 'latin1') })) },
);
const packed = fc.tuple(plain, fc.constantFrom(0, 0, 0, 1, 2, 3), fc.constantFrom('whole', 'whole', 'whole', 'cut', 'garbage')).map(([{ bytes, format }, layers, how]): Hostile => {
  let result = bytes;
  for (let i = 0; i < layers; i++) result = gzipSync(result, { level: 1 });
  if (how === 'cut') result = result.subarray(0, Math.floor(result.length / 2));
  if (how === 'garbage') result = Buffer.concat([result, Buffer.from('garbage')]);
  return format === undefined ? { bytes: result } : { bytes: result, format };
});

const setup = fc.record({
  manifest: packed,
  name: fc.constantFrom('l', 'l.txt', 'l.csv', 'l.json', 'l.jsonl', 'l.xml', 'l.txt.gz', '=cmd|x.csv', '__proto__'),
  saysFormat: fc.constantFrom(true, true, false),
  column: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.constantFrom('url', 'value', ...PROTOTYPE_KEYS)),
  processor: fc.constantFrom<Processor>(noop, llmsTxt as unknown as Processor),
  chunkBytes: fc.constantFrom(1, 7, 64, 100_000),
});

describe('any bytes as a manifest', () => {
  test('give rows that are items or invalid, each line once, or a refusal that says why', async () => {
    const inherited = inheritedNames();
    const seen = { planned: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(setup, async ({ manifest: { bytes, format }, name, saysFormat, column, processor, chunkBytes }) => {
        const options: JsonObject = { ...(saysFormat && format !== undefined && { format }), ...(column !== undefined && { column }) };
        const planning = preparePlanning({ body: bytes, name, options, processor, chunkBytes });
        const refusal = await planning.plan().then(() => undefined, (error: unknown) => error as Error);
        if (refusal !== undefined) {
          expect([refusal.name, refusal.message]).toEqual(['ManifestRefusedError', expect.stringMatching(/expected .{5,}/s)]);
          expect(refusal.message.length).toBeLessThan(2500);
          return void seen.refused++;
        }
        seen.planned++;
        const plan = readPlan(planning.results);
        const { rows, invalid, items, duplicates } = planning.ledger.run.totals!;
        expect(rows).toBe(invalid + items);
        expect([plan.invalid.length, plan.items.length + plan.duplicates.length, plan.duplicates.length]).toEqual([invalid, items, duplicates]);
        const lines = [...plan.invalid, ...plan.items, ...plan.duplicates].map(({ line }) => line);
        expect(new Set(lines).size).toBe(rows);
        for (const row of plan.invalid) expect([row.reason.length > 0, row.reason.length <= 500, Buffer.byteLength(row.row) <= 1024]).toEqual([true, true, true]);
      }),
      { numRuns: 1500 },
    );
    expect(inheritedNames()).toEqual(inherited);
    // Either end is common: else the corpus tests nothing.
    expect(Math.min(seen.planned, seen.refused)).toBeGreaterThan(100);
  });
});

describe('one bad row', () => {
  const good = '{"value":"good"}';

  test.each([
    ['deep arrays', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'expected at most 100 objects and arrays within each other, got more'],
    ['deep objects', '{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000), 'expected at most 100 objects and arrays within each other, got more'],
    ['an infinite number', '{"value":{"n":[-1e999]}}', 'expected numbers up to 1.8e308, got a larger one: write it as a text'],
    ['an id that no number holds', '{"value":"a","id":12345678901234567890}', 'expected a number as `id` to be at most 9007199254740991, got 12345678901234567000: write it as a text'],
    ['an id that is an object', '{"value":"a","id":{"__proto__":1}}', 'expected `id` to be a text or a number, got {"__proto__":1}'],
    ['no end', '{"value":"a', /^expected JSON: /],
    ['two rows on a line', '{"value":"a"}{"value":"b"}', /^expected JSON: /],
  ])('costs no other row: %s', async (_, row, reason) => {
    const planning = preparePlanning({ processor: noop, name: 'l.jsonl', body: `${good}\n${row}\n${good.replace('good', 'also good')}\n` });
    await planning.plan();
    const plan = readPlan(planning.results);
    expect(plan.items.map(({ line }) => line)).toEqual([1, 3]);
    expect(plan.invalid).toEqual([{ line: 2, row: expect.any(String) as string, reason: typeof reason === 'string' ? reason : expect.stringMatching(reason) as string }]);
  });

  test('is kept as it is, if it only looks bad', async () => {
    const rows = ['{"value":"=cmd|\' /C calc\'!A0","__proto__":{"a":1},"constructor":{"prototype":{}}}', '{"value":"\\ud800"}', '{"value":"\\ud801"}', '{"value":"a\\u0000b"}', '{"value":1,"value":"last"}', '{"value":null,"n":-0.0,"big":12345678901234567890}'];
    const planning = preparePlanning({ processor: noop, name: 'l.jsonl', body: rows.join('\n') });
    await planning.plan();
    const plan = readPlan(planning.results);
    expect(plan.items.map(({ input }) => JSON.stringify(input))).toEqual(rows.map((row) => JSON.stringify(JSON.parse(row))));
  });

  test.each<[string, Processor['readRow']]>([
    ['throws', () => { throw new Error('no'); }],
    ['throws nothing that can be read', () => { throw Object.create(null) as Error; }],
    ['answers nothing', () => undefined as never],
    ['answers a kind that does not exist', () => ({ kind: 'other' }) as never],
    ['makes an item that is no JSON', () => ({ kind: 'item', input: { n: 1n } })],
    ['makes an item that is a circle', () => { const input: Record<string, unknown> = {}; input['a'] = input; return { kind: 'item', input }; }],
    ['makes an item of nothing', () => ({ kind: 'item', input: undefined as never })],
    ['makes an item that throws', () => ({ kind: 'item', input: { toJSON: () => { throw new Error('no'); } } })],
  ])('is invalid if the processor %s', async (_, readRow) => {
    const processor: Processor = { ...noop, readRow: (fields, options) => (fields['value'] === 'bad' ? readRow(fields, options) : noop.readRow(fields, {})) };
    const planning = preparePlanning({ processor, name: 'l.txt', body: 'a\nbad\nb\n' });
    await planning.plan();
    const plan = readPlan(planning.results);
    expect([plan.items.map(({ line }) => line), plan.invalid.map(({ line }) => line)]).toEqual([[1, 3], [2]]);
    expect(plan.invalid[0]!.reason).toMatch(/^the processor `noop` could not read the row: /);
  });
});
