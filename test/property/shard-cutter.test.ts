import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_SHARD_BATCHES, MAX_SHARD_ITEMS } from '../../shared/manifest/limits.ts';
import { ShardCutter, type CutShard } from '../../shared/manifest/shard-cutter.ts';
import { valueAt } from '../../shared/runs.ts';

interface Item {
  readonly line: number;
  readonly limitKey: string;
  readonly group: string;
}

const traits = fc.record({ limitKey: fc.constantFrom('', 'host:a', 'host:b', 'host:c'), group: fc.constantFrom('', 'x', 'y', 'z') });
const arbitrary = fc.record({
  itemsPerBatch: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 300 })),
  items: fc.array(traits, { minLength: 1, maxLength: 400 }),
  hasGroups: fc.boolean(),
});

function cut(items: readonly Item[], itemsPerBatch: number): CutShard[] {
  const cutter = new ShardCutter(itemsPerBatch);
  return [...items.flatMap((item) => cutter.add(JSON.stringify(item), item)), ...cutter.end()];
}

/** By the offsets alone, as a worker reads them. */
const batchesOf = ({ plan, body }: CutShard) =>
  plan.sizes.map((size, batch) => {
    const items = Buffer.from(body.subarray(plan.offsets[batch], plan.offsets[batch + 1])).toString().trimEnd().split('\n').map((row) => JSON.parse(row) as Item);
    return { size, items, key: valueAt(plan.keys, batch), group: valueAt(plan.groups, batch) };
  });

test('every item is in exactly one batch, within the bounds of shards and batches, and batches say what their items share', () => {
  fc.assert(
    fc.property(arbitrary, ({ itemsPerBatch, items: drawn, hasGroups }) => {
      const items = drawn.map(({ limitKey, group }, line) => ({ line, limitKey, group: hasGroups ? group : '' }));
      const shards = cut(items, itemsPerBatch);
      const batches = shards.flatMap(batchesOf);
      expect(batches.flatMap((batch) => batch.items).sort((a, b) => a.line - b.line)).toEqual(items);
      expect(shards.map(({ plan }) => plan.shard)).toEqual(shards.map((_, n) => n));
      for (const { plan } of shards) {
        expect(plan.sizes.length).toBeLessThanOrEqual(MAX_SHARD_BATCHES);
        expect(plan.sizes.reduce((a, b) => a + b)).toBeLessThanOrEqual(MAX_SHARD_ITEMS);
      }
      for (const { size, items: inside, key, group } of batches) {
        expect(inside.length).toBe(size);
        expect(size).toBeLessThanOrEqual(itemsPerBatch);
        expect(new Set(inside.map((item) => item.group))).toEqual(new Set([group]));
        const keys = new Set(inside.map(({ limitKey }) => limitKey));
        expect(key).toBe(keys.size === 1 ? [...keys][0] : '');
      }
    }),
  );
});

test('keys cost no batch, and groups at most one more each in a shard full of items', () => {
  fc.assert(
    fc.property(arbitrary, ({ itemsPerBatch, items: drawn, hasGroups }) => {
      const items = drawn.map(({ limitKey, group }, line) => ({ line, limitKey, group: hasGroups ? group : '' }));
      const inOneLook = items.slice(0, itemsPerBatch * MAX_SHARD_BATCHES);
      const groups = new Map<string, number>();
      for (const { group } of inOneLook) groups.set(group, (groups.get(group) ?? 0) + 1);
      const fewest = [...groups.values()].reduce((sum, count) => sum + Math.ceil(count / itemsPerBatch), 0);
      expect(cut(inOneLook, itemsPerBatch).reduce((sum, { plan }) => sum + plan.sizes.length, 0)).toBe(fewest);
    }),
  );
});

test('the items of a key stand together in full batches of their own', () => {
  const items = Array.from({ length: 100 }, (_, line) => ({ line, limitKey: line % 2 ? 'host:a' : 'host:b', group: '' }));
  const [shard] = cut(items, 20);
  expect(shard!.plan.keys).toEqual([['host:b', 2], ['host:a', 2], ['', 1]]);
});
