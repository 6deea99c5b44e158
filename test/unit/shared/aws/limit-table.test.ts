import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLimitTable } from '../../../../shared/aws/limit-table.ts';
import { reserve, unitsRemaining, type Limit, type LimitRecord } from '../../../../shared/limits.ts';
import { startDynamo } from '../../../support/dynamo-emulator.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('limits', ['pk']);
});
afterAll(() => dynamo.stop());

let keys = 0;
const newKey = () => `host:${keys++}.example`;
const START_US = 1_700_000_000_000_000;
const LIMIT: Limit = { unitUs: 575_000, burst: 1, maxWaitUs: 3_000_000 };

test('property: workers that take turns are answered exactly as the arithmetic says', async () => {
  const steps = fc.array(fc.record({ passesUs: fc.nat({ max: 2_000_000 }), worker: fc.nat({ max: 2 }), units: fc.integer({ min: 1, max: 7 }) }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const key = newKey();
      const workers = [0, 1, 2].map(() => createLimitTable(dynamo.client, 'limits'));
      let record: LimitRecord | undefined;
      let nowUs = START_US;
      for (const { passesUs, worker, units } of sequence) {
        nowUs += passesUs;
        const expected = reserve(record, LIMIT, { units, nowUs });
        record = expected.record;
        expect(await workers[worker]!.reserve({ key, limit: LIMIT, units, nowUs })).toEqual(expected.answer);
      }
    }),
    { numRuns: 15 },
  );
});

const VECTORS = new URL('../../../../../shared/data/vectors/gcra.json', import.meta.url);

test.skipIf(!existsSync(VECTORS))('decides as the shared table has it, row by row (skipped where it is missing)', async () => {
  const { ratePerSecond, burst, rows } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { ratePerSecond: number; burst: number; rows: { at: number; volume: number; limited: boolean; remaining: number; retryAfter: number | null }[] };
  const limit: Limit = { unitUs: 1_000_000 / ratePerSecond, burst, maxWaitUs: 0 };
  const key = newKey();
  const table = createLimitTable(dynamo.client, 'limits');
  for (const { at, volume, ...decided } of rows) {
    const nowUs = START_US + at * 1_000_000;
    const answer = await table.reserve({ key, limit, units: volume, nowUs });
    const retryAfter = answer.kind === 'granted' ? -1 : answer.comeBackAtUs === Infinity ? null : (answer.comeBackAtUs - nowUs) / 1_000_000;
    expect({ limited: answer.kind === 'refused', remaining: unitsRemaining(await table.read(key), limit, nowUs), retryAfter }).toEqual(decided);
  }
});

test('workers that ask at once are given different starts, as many as fit', async () => {
  const key = newKey();
  const request = { key, limit: LIMIT, units: 1, nowUs: START_US };
  const answers = await Promise.all(Array.from({ length: 12 }, () => createLimitTable(dynamo.client, 'limits').reserve(request)));
  const starts = answers.flatMap((answer) => (answer.kind === 'granted' ? answer.startsUs : [])).toSorted((a, b) => a - b);
  expect(starts.length).toBeGreaterThan(0);
  expect(starts).toEqual(starts.map((_, i) => START_US + i * LIMIT.unitUs));
});

test('a lease of a connection is one worker’s until it ends or is given back', async () => {
  const key = newKey();
  const table = createLimitTable(dynamo.client, 'limits');
  const take = (owner: string, now: number, held: number[] = [], index?: number) =>
    table.takeSlot({ key, slots: 2, owner, now, until: now + 60_000, held, ...(index !== undefined && { index }) });
  expect(await take('a', 0)).toEqual({ kind: 'taken', index: 0 });
  expect(await take('b', 1000)).toEqual({ kind: 'taken', index: 1 });
  expect(await take('c', 2000)).toEqual({ kind: 'none', freeAt: 60_050 });
  expect(await take('b', 2000, [1])).toMatchObject({ kind: 'none' });
  expect(await take('b', 30_000, [], 1)).toEqual({ kind: 'taken', index: 1 });
  expect(await take('c', 60_040)).toMatchObject({ kind: 'none' });
  expect(await take('c', 60_060)).toEqual({ kind: 'taken', index: 0 });
  await table.giveSlotBack({ key, index: 0, owner: 'a' });
  expect(await take('d', 60_070)).toMatchObject({ kind: 'none' });
  await table.giveSlotBack({ key, index: 0, owner: 'c' });
  expect(await take('d', 60_080)).toEqual({ kind: 'taken', index: 0 });
});
