import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ManifestFormat } from '../../shared/manifest/common-options.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { noteProcessor, preparePlanning, readPlan, webProcessor } from '../support/planning.ts';

/** Rows are drawn as values, written down by an encoder of this file, and must come back from the stored plan as they were. */

const lineEnd = fc.constantFrom('\n', '\r\n', '\r');
const chunkBytes = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 5000 }));
const itemsPerBatch = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 8, max: 1000 }));
/** Lone surrogates have no UTF-8. */
const text = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.string({ unit: fc.constantFrom('"', ',', ';', '\\', '[', '}', ' ', 'ä', '😀', 'x'), minLength: 1, maxLength: 12 }));
const SPACED = /^\s|\s$|[\r\n]/;
const plainText = text.filter((value) => !SPACED.test(value) && !value.startsWith('#') && value.trim() !== '' && !value.includes('\0'));

interface Written {
  readonly bytes: string;
  /** Line -> value. */
  readonly lines: ReadonlyMap<number, string>;
}

/** Each value on a line of its own with blank lines between; `gaps` says how many. */
function writeLines(values: readonly string[], gaps: readonly number[], end: string, encode: (value: string) => string): Written {
  const lines = new Map<number, string>();
  let bytes = '';
  let line = 1;
  for (const [i, value] of values.entries()) {
    const gap = gaps[i % gaps.length]!;
    bytes += end.repeat(gap) + encode(value) + end;
    line += gap;
    lines.set(line++, value);
  }
  return { bytes, lines };
}

const ENCODERS: Readonly<Record<Exclude<ManifestFormat, 'sitemap'>, (values: readonly string[], gaps: readonly number[], end: string) => Written>> = {
  txt: (values, gaps, end) => writeLines(values, gaps, end, (value) => value),
  jsonl: (values, gaps, end) => writeLines(values, gaps, end, (value) => (value.length % 2 === 0 ? JSON.stringify(value) : JSON.stringify({ text: value }))),
  csv: (values, gaps, end) => {
    const { bytes, lines } = writeLines(values, gaps, end, (value) => `"${value.replaceAll('"', '""')}",1`);
    return { bytes: `text,n${end}${bytes}`, lines: new Map([...lines].map(([line, value]) => [line + 1, value])) };
  },
  json: (values, gaps, end) => ({
    bytes: `[${values.map((value, i) => end.repeat(gaps[i % gaps.length]!) + JSON.stringify(i % 2 === 0 ? value : { text: value })).join(',')}]${end}`,
    lines: new Map(values.map((value, i) => [i + 1, value])),
  }),
};

const manifest = fc.record({
  format: fc.constantFrom('txt' as const, 'csv' as const, 'json' as const, 'jsonl' as const),
  values: fc.array(plainText, { minLength: 1, maxLength: 60 }),
  gaps: fc.array(fc.nat(2), { minLength: 1, maxLength: 5 }),
  end: lineEnd,
  hasMark: fc.boolean(),
  isPacked: fc.boolean(),
  chunkBytes,
  itemsPerBatch,
});

describe('for any chunking and any sizes', () => {
  test('no row is lost, doubled or changed, and every record describes its shard file', async () => {
    await fc.assert(
      fc.asyncProperty(manifest, async (drawn) => {
        const { bytes, lines } = ENCODERS[drawn.format](drawn.values, drawn.gaps, drawn.end);
        const plain = Buffer.from((drawn.hasMark ? '\ufeff' : '') + bytes);
        const setup = preparePlanning({
          processor: noteProcessor,
          name: `l.${drawn.format}`,
          body: drawn.isPacked ? gzipSync(plain) : plain,
          options: { itemsPerBatch: drawn.itemsPerBatch },
          chunkBytes: drawn.chunkBytes,
        });
        await setup.plan();
        const plan = readPlan(setup.results);
        expect(plan.items.map(({ line, input }) => [line, input['text']])).toEqual([...lines]);
        expect(plan.invalid).toEqual([]);
        expect(setup.ledger.run.totals).toEqual({ rows: lines.size, invalid: 0, items: lines.size, duplicates: 0, shards: plan.shards.length });
        for (const [shard, record] of setup.ledger.shards) {
          const body = Buffer.from(plan.files.get(`shards/${String(shard).padStart(5, '0')}.ndjson`)!);
          const batches = record.sizes.map((_, k) => body.subarray(record.offsets[k], record.offsets[k + 1]).toString().split('\n').length - 1);
          expect(batches).toEqual(record.sizes);
          expect(Math.max(...batches)).toBeLessThanOrEqual(drawn.itemsPerBatch);
          expect(record.n).toBeLessThanOrEqual(32);
          expect(record.offsets.at(-1)).toBe(body.length);
        }
        expect(setup.ledger.shards.size).toBe(plan.shards.length);
      }),
      { numRuns: 150 },
    );
  });

  test('any bytes give the same rows in any chunks', async () => {
    const alphabet = fc.constantFrom('\n', '\r', '"', ',', '[', ']', '{', '}', ':', '\\', ' ', '#', 'a.example', '\xff', '\xc3\xa4', '<', '>');
    const soup = fc.array(alphabet, { minLength: 1, maxLength: 80 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
    await fc.assert(
      fc.asyncProperty(soup, fc.constantFrom<ManifestFormat>('txt', 'csv', 'json', 'jsonl', 'sitemap'), chunkBytes, async (body, format, size) => {
        const prefix = { txt: '', csv: 'url,n\n', json: '["b.example",', jsonl: '{"url":"b.example"}\n', sitemap: '<urlset>' }[format];
        const outcomes = await Promise.all(
          [size, 1_000_000].map(async (chunk) => {
            const setup = preparePlanning({ body: Buffer.concat([Buffer.from(prefix), body]), options: { format }, chunkBytes: chunk });
            const refusal = await setup.plan().then(() => undefined, (error: Error) => `${error.name}: ${error.message}`);
            return refusal ?? [...readPlan(setup.results).files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
          }),
        );
        expect(outcomes[0]).toEqual(outcomes[1]);
      }),
      { numRuns: 400 },
    );
  });
});

describe('duplicates', () => {
  const url = fc.tuple(fc.constantFrom('a.example', 'A.example', 'b.example'), fc.constantFrom('', '/', '/x', '/x#y', '/X', '/%41'), fc.constantFrom('https://', 'http://', '')).map(([host, path, scheme]) => scheme + host + path);
  const row = fc.record({ url: fc.oneof({ weight: 9, arbitrary: url }, fc.constantFrom('nothing', 'ftp://a.example/')), id: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }) });

  test('are exactly what a Map over the processor\'s keys finds, and ids exactly what a Set finds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 60 }), chunkBytes, itemsPerBatch, async (rows, size, perBatch) => {
        const expected = planByMap(rows);
        const setup = preparePlanning({ name: 'l.jsonl', body: rows.map((value) => JSON.stringify(value)).join('\n'), chunkBytes: size, options: { itemsPerBatch: perBatch } });
        const refusal = await setup.plan().then(() => undefined, (error: Error) => error.name);
        expect(refusal).toBe(expected.items.length === 0 ? 'ManifestRefusedError' : undefined);
        if (refusal !== undefined) return;
        const plan = readPlan(setup.results);
        expect(plan.items.map(({ line }) => line)).toEqual(expected.items);
        expect(plan.duplicates.map(({ line, duplicateOf }) => [line, duplicateOf])).toEqual(expected.duplicates);
        expect(plan.invalid.map(({ line }) => line)).toEqual(expected.invalid);
      }),
      { numRuns: 300 },
    );
  });
});

/** The rule of DESIGN in a dozen plain lines. */
function planByMap(rows: readonly JsonObject[]) {
  const keys = new Map<string, number>();
  const ids = new Set<unknown>();
  const plan = { items: [] as number[], duplicates: [] as [number, number][], invalid: [] as number[] };
  for (const [i, fields] of rows.entries()) {
    const line = i + 1;
    const reading = webProcessor.readRow(fields, {});
    if (reading.kind !== 'item' || ids.has(fields['id'])) {
      plan.invalid.push(line);
      continue;
    }
    if (fields['id'] !== undefined) ids.add(fields['id']);
    const first = keys.get(reading.equalityKey!);
    if (first === undefined) {
      keys.set(reading.equalityKey!, line);
      plan.items.push(line);
    } else plan.duplicates.push([line, first]);
  }
  return plan;
}

describe('planning again', () => {
  test('gives the same bytes under another nonce, and a frozen plan answers for ever', async () => {
    const urls = fc.array(fc.webUrl(), { minLength: 1, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(urls, chunkBytes, chunkBytes, async (values, firstChunk, secondChunk) => {
        const body = gzipSync(values.join('\n'));
        const setups = [firstChunk, secondChunk].map((size) => preparePlanning({ name: 'l.txt.gz', body, chunkBytes: size }));
        const answers = await Promise.all(setups.map(async (setup) => [await setup.plan(), await setup.plan()]));
        for (const [first, second] of answers) expect(second).toEqual(first);
        const [a, b] = setups.map(({ results }) => [...readPlan(results).files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]));
        expect(a).toEqual(b);
      }),
      { numRuns: 60 },
    );
  });
});
