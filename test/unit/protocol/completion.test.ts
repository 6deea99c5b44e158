import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awaitRun } from '../../../lambdas/await-run/await-run.ts';
import { finishShard } from '../../../shared/finish-shard.ts';
import { awaitInputSchema } from '../../../shared/messages.ts';
import type { RunLedger } from '../../../shared/ports.ts';
import { startLedger } from '../../support/dynamo-emulator.ts';
import { once } from '../../support/life.ts';
import { type Stage, startStages } from '../../support/world-stage.ts';
import { until, WorkerBench } from '../../support/worker-bench.ts';
import { createBench } from '../localstack/embedded/state-machine/bench.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
let stop: () => Promise<void>;
let ledger: RunLedger;
beforeAll(async () => {
  stages = await startStages();
  ({ ledger, stop } = await startLedger());
});
afterAll(async () => {
  await stages.stop();
  await stop();
});

/** A run of one batch whose worker dies before it makes this call; then both queues lose what they hold. */
async function dieBefore(call: string): Promise<Stage & { readonly run: string }> {
  const stage = await stages.newStage();
  const { world } = stage;
  const run = await world.upload('acme/noop/list.txt', ['a', 'b'], 2);
  await world.stepExecutions();
  await world.stepExecutions();
  await world.dispatch();
  world.fate = once(call, 'dies before');
  await world.work();
  world.workQueue = [];
  world.dispatchQueue = [];
  return { ...stage, run };
}

describe('the rules by which a run is known to be complete', () => {
  it('done-set: a shard that is noted twice is still one of two', async () => {
    const bench = await WorkerBench.create(ledger, 1, 2);
    await ledger.storeToken({ run: bench.run.run, token: 'token', execution: bench.run.execution, attempt: 0 });
    await bench.deliver();
    await finishShard(await bench.readShard(), bench.ports());
    expect(await ledger.readDone(bench.run.run)).toEqual(new Set([0]));
    expect(bench.answeredTokens).toEqual([]);
    await finishShard({ ...(await bench.readShard()), shard: 1 }, bench.ports());
    expect(bench.answeredTokens).toEqual(['token']);
  });

  it('sweep-done: a finished shard whose worker died before it was noted, and whose message is gone, is noted by the sweep', async () => {
    const { world, run } = await dieBefore('addDone');
    expect(await world.ledger.readDone(run)).toEqual(new Set());
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect((await world.ledger.readRun(run))!.state).toBe('finished');
  });

  it('sweep-ack: a complete run whose answer died with its worker is answered by the sweep', async () => {
    const { world, run } = await dieBefore('succeedTask');
    expect(await world.ledger.readDone(run)).toEqual(new Set([0]));
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect((await world.ledger.readRun(run))!.state).toBe('finished');
  });

  it('await-current: the token of a superseded execution never stands over that of the current one', async () => {
    const bench = await WorkerBench.create(ledger, 1);
    const { run, execution } = bench.run;
    await ledger.restart(run, 'second');
    await awaitRun({ v: 1, run, token: 'current', execution: 'second', attempt: 0 }, bench.ports());
    expect(await awaitRun({ v: 1, run, token: 'of a dead one', execution, attempt: 3 }, bench.ports())).toBe('superseded');
    await bench.deliver();
    expect(bench.answeredTokens).toEqual(['current']);
  });

  it('await-order: an older attempt that comes late never stands over a newer one', async () => {
    const bench = await WorkerBench.create(ledger, 1);
    const { run, execution } = bench.run;
    await awaitRun({ v: 1, run, token: 'new', execution, attempt: 1 }, bench.ports());
    expect(await awaitRun({ v: 1, run, token: 'given up', execution, attempt: 0 }, bench.ports())).toBe('superseded');
    await bench.deliver();
    expect(bench.answeredTokens).toEqual(['new']);
  });

  it('await-look: a run that was complete before its token was stored is answered at once', async () => {
    const bench = await WorkerBench.create(ledger, 1);
    const { run, execution } = bench.run;
    await bench.deliver();
    expect(bench.answeredTokens).toEqual([]);
    await awaitRun({ v: 1, run, token: 'late', execution, attempt: 0 }, bench.ports());
    expect(bench.answeredTokens).toEqual(['late']);
  });

  it('await-retry: a run whose first token nobody stored waits again, and goes on', async () => {
    const bench = await WorkerBench.create(ledger, 1);
    const { run, execution } = bench.run;
    await bench.deliver();
    const definition: unknown = JSON.parse(readFileSync(new URL('../../../state-machines/run.asl.json', import.meta.url), 'utf8'));
    let awaits = 0;
    const machine = createBench(
      {
        '${PlanRunArn}': () => ({ v: 1, run, bucket: 'results', shardsKey: 'shards.json' }),
        '${AwaitRunArn}': async (event) => {
          // The first dies before it stores its token.
          if (awaits++ === 0) return {};
          const { taskAnswers, ...ports } = bench.ports();
          const answerMachine = { succeedTask: async (taskToken: string) => void (await machine.call('SendTaskSuccess', { taskToken, output: '{}' })) };
          return awaitRun({ ...awaitInputSchema.parse(event), execution }, { ...ports, taskAnswers: answerMachine });
        },
      },
      { s3: () => ({ Body: '[]' }) },
    );
    const arn = await machine.start(definition, { v: 1, run });
    await until(() => awaits === 1);
    await machine.clock.advance(3_602_000);
    expect(awaits).toBe(2);
    await until(async () => (await ledger.readRun(run))?.acked !== undefined);
    expect(await machine.describe(arn)).toMatchObject({ status: 'SUCCEEDED' });
  });
});
