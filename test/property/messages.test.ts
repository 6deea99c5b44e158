import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { dispatchMessageSchema, workMessageSchema } from '../../shared/messages.ts';
import { readOrPark } from '../../shared/park-messages.ts';
import { aDelivery, createFakeParking } from '../support/fake-parking.ts';
import { hostileJson, hostileText, inheritedNames, spoilt } from '../support/hostile.ts';

const RUN = 'raaaaaaaaaaaaaaaaaaaaaaaaa';
const GOOD = [
  { v: 1, type: 'open', run: RUN, shard: 0 },
  { v: 1, type: 'report', run: RUN, shard: 3, batch: 31, q: 2, isDone: false, until: 1, rows: 3, left: 2, waitedMs: 4, tookMs: 5, heldBy: 'host:example.com' },
  { v: 1, type: 'wake' },
  { v: 1, type: 'heal', run: RUN },
  { v: 1, run: RUN, shard: 0, batch: 0, q: 0 },
  { v: 1, wake: true },
].map((message) => JSON.stringify(message));

const body = fc.oneof(hostileText, hostileJson, spoilt(hostileJson), spoilt(fc.constantFrom(...GOOD)), fc.json());
const schema = fc.constantFrom<z.ZodType>(dispatchMessageSchema, workMessageSchema);

test('any text on a queue is read or parked whole, and a good message behind it is read', async () => {
  const inherited = inheritedNames();
  await fc.assert(
    fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 9 }), schema, async (bodies, either) => {
      const ports = createFakeParking();
      const good = either === dispatchMessageSchema ? GOOD[0]! : GOOD[4]!;
      const { read, failed } = await readOrPark([...bodies, good].map((text, i) => aDelivery(text, String(i))), either, ports);
      expect(failed).toEqual([]);
      expect(read.at(-1)!.value).toEqual(JSON.parse(good));
      expect([...read.map(({ message }) => message), ...ports.parked].map((message) => [message.messageId, message.body]).sort()).toEqual([...bodies, good].map((text, i) => [String(i), text]).sort());
      // Fields that the reader does not know may be a later version's.
      for (const { message, value } of read) expect(JSON.parse(message.body)).toMatchObject(value as object);
      for (const { reason } of ports.parked) expect(reason).not.toBe('');
    }),
    { numRuns: 500 },
  );
  expect(inheritedNames()).toEqual(inherited);
});
