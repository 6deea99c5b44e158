import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunLedger } from '../../../shared/ports.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { atCall, Life, once } from '../../support/life.ts';
import { succeed, until, WorkerBench } from '../../support/worker-bench.ts';

let stop: () => Promise<void>;
let ledger: RunLedger;
let bench: WorkerBench;

beforeAll(async () => {
  ({ ledger, stop } = await startLedger());
});
afterAll(() => stop());
beforeEach(async () => {
  bench = await WorkerBench.create(ledger, 2);
});

/** A worker that stops at this line until it is let go. */
function stopAt(stopLine: number) {
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  const treat = async (line: number) => {
    if (line === stopLine) await gate;
    return { verdict: 'succeeded', output: {} } as const;
  };
  return { treat, letGo };
}

const whole = { ok: 2, ko: 0, sk: 0, nd: 1, rows: ['1 succeeded', '2 succeeded'] };

describe('the rules of claim and settle', () => {
  it('claim: a second delivery, while the first worker lives, runs nothing', async () => {
    const { treat, letGo } = stopAt(1);
    const first = bench.deliver(treat);
    await until(() => bench.effects.has(1));
    expect(await bench.deliver()).toEqual({ kind: 'not mine' });
    letGo();
    expect(await first).toMatchObject({ kind: 'settled', rows: 2 });
    expect([...bench.effects.values()]).toEqual([1, 1]);
  });

  it('claim: an older message, when nobody has the batch, runs nothing: its settlement would be refused', async () => {
    await bench.deliver(async (line, life) => (line === 1 ? succeed(line, life) : { verdict: 'held', until: bench.now + 1000 }));
    bench.effects.clear();
    expect(await bench.deliver(succeed, { q: 0 })).toEqual({ kind: 'not mine' });
    expect(bench.effects.size).toBe(0);
    expect(await bench.readBatch()).toMatchObject({ q: 1, l: '1', a: 0, o: '-' });
  });

  it('own-claim: a claim whose answer was lost is the worker’s own', async () => {
    await bench.deliver(succeed, { life: new Life(once('claim', 'made twice')) });
    expect(await bench.readVerdicts()).toEqual(whole);
    expect([...bench.effects.values()]).toEqual([1, 1]);
  });

  it('alive-first: of a careful worker that has settled an item and lives on, an older message reports nothing', async () => {
    await bench.killTwo();
    const { treat, letGo } = stopAt(2);
    const careful = bench.deliver(treat);
    await until(() => bench.effects.has(2));
    expect((await bench.readBatch()).q).toBe(1);
    expect(await bench.deliver(succeed, { q: 0 })).toEqual({ kind: 'not mine' });
    // A report would free the slot of a batch that is in work.
    expect(bench.reports).toEqual([]);
    letGo();
    await careful;
    expect(await bench.readVerdicts()).toEqual(whole);
  });

  it('settle-condition: a worker whose lease is over, and whose batch another has, settles nothing', async () => {
    const late = stopAt(1);
    const first = bench.deliver(late.treat);
    await until(() => bench.effects.has(1));
    bench.endLeases();
    const { treat, letGo } = stopAt(2);
    const second = bench.deliver(treat);
    await until(() => bench.effects.get(2) === 1);
    late.letGo();
    expect(await first).toEqual({ kind: 'not mine' });
    letGo();
    expect(await second).toMatchObject({ kind: 'settled', rows: 2 });
    expect(await bench.readVerdicts()).toEqual(whole);
  });

  it('settle-condition: a settlement that keeps its lease, made twice, counts once', async () => {
    await bench.killTwo();
    await bench.deliver(succeed, { life: new Life(once('settle', 'made twice')) });
    expect(await bench.readVerdicts()).toEqual(whole);
  });

  it('own-settlement: a settlement whose answer was lost is the worker’s own, and what follows it is done', async () => {
    expect(await bench.deliver(succeed, { life: new Life(once('settle', 'made twice')) })).toMatchObject({ kind: 'settled', rows: 2 });
    expect(bench.reports).toHaveLength(1);
    expect(await ledger.readDone(bench.run.run)).toEqual(new Set([0]));
  });

  it('part-first: at whatever call a worker dies, each part that the ledger names is stored', async () => {
    let hasEnded = false;
    for (let call = 0; !hasEnded; call++) {
      bench = await WorkerBench.create(ledger, 2);
      hasEnded = (await bench.deliver(succeed, { life: new Life(atCall(call, 'dies before')) })) !== undefined;
      const { ok, rows } = await bench.readVerdicts();
      expect({ call, rows: rows.length }).toEqual({ call, rows: ok });
    }
    expect(await bench.readVerdicts()).toEqual(whole);
  });
});
