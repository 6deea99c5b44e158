import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { packManifest, sortByLine } from '../../lambdas/serve-api/redrive/pack-manifest.ts';
import type { RedrivenRow } from '../../lambdas/serve-api/redrive/redriven-rows.ts';
import { MAX_SHARD_BYTES, MAX_SHARD_ITEMS } from '../../shared/manifest/limits.ts';
import { readManifest } from '../../shared/manifest/read-manifest.ts';

/** Shards of rows whose lines rise from shard to shard and are mixed within each. */
const shards = fc
  .array(fc.array(fc.record({ gap: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 60_000, max: 140_000 })), key: fc.nat() }), { maxLength: 12 }), { maxLength: 6 })
  .map((drawn) => {
    let line = 0;
    return drawn.map((shard) => shard.map(({ gap, key }) => ({ line: (line += gap), key })).sort((a, b) => a.key - b.key).map((row) => row.line));
  });

async function* rowsOf(lines: Iterable<number>, text: (line: number) => string = (line) => JSON.stringify({ value: `row of ${line}` })): AsyncGenerator<RedrivenRow> {
  for (const line of lines) yield { line, text: text(line), error: 'E' };
}

test('a packed manifest gives every row back at the line that it had', async () => {
  await fc.assert(
    fc.asyncProperty(shards, async (drawn) => {
      const lines = drawn.flat();
      fc.pre(lines.length > 0);
      const packed = Buffer.concat(await Array.fromAsync(packManifest(rowsOf(lines))));
      expect(gunzipSync(packed).toString().split('\n').filter((text) => text !== '')).toHaveLength(lines.length);
      const blocks = await Array.fromAsync(readManifest({ body: (async function* () { yield packed; })(), name: 'x.jsonl.gz', primaryField: 'value', aliases: [], options: { format: 'jsonl' } }));
      const expected = lines.toSorted((a, b) => a - b).map((line) => ({ kind: 'fields', line, fields: { value: `row of ${line}` } }));
      expect(blocks.flat()).toMatchObject(expected);
    }),
    { numRuns: 60 },
  );
});

/** What is held at most: rows read and not yet handed on. */
async function sortAndWatch(lines: readonly number[], text?: (line: number) => string): Promise<{ sorted: number[]; mostHeld: number }> {
  const sorted: number[] = [];
  let read = 0;
  let mostHeld = 0;
  const watched = async function* () {
    for await (const row of rowsOf(lines, text)) {
      mostHeld = Math.max(mostHeld, ++read - sorted.length);
      yield row;
    }
  };
  for await (const { line } of sortByLine(watched())) sorted.push(line);
  return { sorted, mostHeld };
}

const SHARDS = 12;

test('shards of the largest number of items, each in the reverse order, are sorted while two of them are held', async () => {
  const lines = Array.from({ length: SHARDS }, (_, shard) => Array.from({ length: MAX_SHARD_ITEMS }, (__, i) => (shard + 1) * MAX_SHARD_ITEMS - i)).flat();
  const { sorted, mostHeld } = await sortAndWatch(lines);
  expect(sorted).toEqual(lines.toSorted((a, b) => a - b));
  expect(mostHeld).toBeLessThanOrEqual(2 * MAX_SHARD_ITEMS);
});

test('so are shards that are full of large rows', async () => {
  const rowsOfShard = 32;
  const text = JSON.stringify({ value: 'x'.repeat(MAX_SHARD_BYTES / rowsOfShard - 100) });
  const lines = Array.from({ length: SHARDS }, (_, shard) => Array.from({ length: rowsOfShard }, (__, i) => (shard + 1) * rowsOfShard - i)).flat();
  const { sorted, mostHeld } = await sortAndWatch(lines, () => text);
  expect(sorted).toEqual(lines.toSorted((a, b) => a - b));
  expect(mostHeld).toBeLessThanOrEqual(2 * rowsOfShard + 1);
});

test('rows that come in another order than shards do are an error, not a manifest with other lines', async () => {
  const lines = [...Array.from({ length: 2 * MAX_SHARD_ITEMS }, (_, i) => i + 2), 1];
  await expect(Array.fromAsync(packManifest(rowsOf(lines)))).rejects.toThrow(/in the order of their lines/);
});
