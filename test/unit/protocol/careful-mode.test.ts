import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunLedger } from '../../../shared/ports.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { Life, once } from '../../support/life.ts';
import { succeed, type Treat, until, WorkerBench } from '../../support/worker-bench.ts';

let stop: () => Promise<void>;
let ledger: RunLedger;
let bench: WorkerBench;

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());
/** A batch at which two workers died: from now on it is worked on one item at a time. */
beforeEach(async () => {
  bench = await WorkerBench.create(ledger, 3);
  await bench.killTwo();
});

const dieAt = (poison: number): Treat => (line, life) => (line === poison ? life.end() : succeed(line, life));

describe('the rules of careful mode', () => {
  it('mark-absolute: a mark that is made twice blames its item for one death, not two', async () => {
    await bench.deliver(dieAt(1), { life: new Life(once('mark', 'made twice')) });
    expect(await bench.readBatch()).toMatchObject({ d: 0, dn: 1 });
    bench.endLeases();
    await bench.deliver();
    expect((await bench.readVerdicts()).rows).toEqual(['1 succeeded', '2 succeeded', '3 succeeded']);
  });

  it('mark-condition: a worker that lost the batch marks nothing, and runs nothing any more', async () => {
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
    const slow = bench.deliver(async (line, life) => {
      await gate;
      return succeed(line, life);
    });
    await until(() => bench.effects.has(1));
    bench.endLeases();
    const owner = 'another';
    await ledger.claim({ run: bench.run.run, shard: 0, batch: 0, q: 0, owner, now: bench.now, until: bench.now + 1000 });
    const mark = { run: bench.run.run, shard: 0, batch: 0, owner: 'a third', ordinal: 2, times: 2 };
    expect([await ledger.mark({ ...mark, q: 0 }), await ledger.mark({ ...mark, owner, q: 1 })]).toEqual(['lost', 'lost']);
    expect(await bench.readBatch()).toMatchObject({ o: owner, d: 0, dn: 1 });
    letGo();
    expect(await slow).toEqual({ kind: 'not mine' });
    expect([...bench.effects.keys()]).toEqual([1]);
  });

  it('poison-twice: an item that one worker died at alone is run again', async () => {
    await bench.deliver(dieAt(2));
    bench.endLeases();
    await bench.deliver();
    expect((await bench.readVerdicts()).rows).toEqual(['1 succeeded', '2 succeeded', '3 succeeded']);
  });

  it('poison-twice: an item that two workers died at alone is blamed, and it alone', async () => {
    for (let death = 0; death < 2; death++) {
      await bench.deliver(dieAt(2));
      bench.endLeases();
    }
    await bench.deliver(dieAt(2));
    expect((await bench.readRows()).map((row) => [row.line, row.verdict === 'failed' ? row.error.name : row.verdict])).toEqual([[1, 'succeeded'], [2, 'PoisonItemError'], [3, 'succeeded']]);
    expect(bench.effects.get(2)).toBe(2);
  });

  it('careful-settle: what ended before a worker died has its verdict, and is not run again', async () => {
    await bench.deliver(dieAt(3));
    expect((await bench.readVerdicts()).rows).toEqual(['1 succeeded', '2 succeeded']);
    bench.endLeases();
    await bench.deliver();
    expect(bench.effects).toEqual(new Map([[1, 1], [2, 1], [3, 2]]));
  });
});
