import { expect, test } from 'vitest';
import { chooseBatchSize, TARGET_BATCH_MS } from '../../../shared/batch-size.ts';

const unknown = { asked: undefined, usual: 25, msPerItem: undefined, maxPerGroupRound: undefined };

test('a tenant of whom nothing is known gets the size that the processor names', () => expect(chooseBatchSize(unknown)).toBe(25));

test('what items took before decides how many fill the target duration', () => expect(chooseBatchSize({ ...unknown, msPerItem: TARGET_BATCH_MS / 40 })).toBe(40));

test('a batch has 1 to 1,000 items, however long or short they are', () => {
  expect(chooseBatchSize({ ...unknown, msPerItem: 10 * TARGET_BATCH_MS })).toBe(1);
  expect(chooseBatchSize({ ...unknown, msPerItem: 0.001 })).toBe(1000);
});

test("the run's own option beats what was learned", () => expect(chooseBatchSize({ ...unknown, asked: 7, msPerItem: 1 })).toBe(7));

test('no batch is larger than a round of its group, or it would never fit', () => expect(chooseBatchSize({ ...unknown, asked: 100, maxPerGroupRound: 20 })).toBe(20));

test('a pace that is no number of milliseconds is as good as none', () => {
  for (const msPerItem of [0, -1, NaN]) expect(chooseBatchSize({ ...unknown, msPerItem })).toBe(25);
});
