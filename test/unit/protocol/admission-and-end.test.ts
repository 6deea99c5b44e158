import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { finishRun } from '../../../lambdas/finish-run/finish-run.ts';
import { mergeResults } from '../../../lambdas/merge-results/merge-results.ts';
import { admitRun } from '../../../shared/admission.ts';
import { createRunLedger } from '../../../shared/aws/run-ledger.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { aRun, RUN_ID } from '../../support/ledger-fixtures.ts';
import { atCall, Life, once, survive } from '../../support/life.ts';
import { CREDITS_PER_ITEM, type RunWorld } from '../../support/run-world.ts';
import { BALANCE, type Stage, startStages } from '../../support/world-stage.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stages: Awaited<ReturnType<typeof startStages>>;
let stage: Stage;
let world: RunWorld;

const KEY = 'acme/noop/list.txt';

beforeAll(async () => {
  dynamo = await startDynamo();
  stages = await startStages();
});
afterAll(async () => {
  await dynamo.stop();
  await stages.stop();
});
beforeEach(async () => {
  stage = await stages.newStage();
  ({ world } = stage);
});

const isOpen = async (run: string) => (await world.ledger.listOpen()).some((open) => open.run === run);

/** A run whose items are done and merged, and that nobody has finished yet. */
async function aCompleteRun(): Promise<string> {
  const run = await world.upload(KEY, ['a', 'b'], 2);
  await world.stepExecutions();
  await world.stepExecutions();
  await world.dispatch();
  await world.work();
  await mergeResults({ v: 1, run }, world.ports());
  return run;
}

describe('the rules of admission', () => {
  it('open-first: at whatever call an admission dies, a run that has a record is on the list that the sweep goes by', async () => {
    const run = aRun();
    const open = { v: 1, run: RUN_ID, source: run.source, uploadedAt: run.createdAt } as const;
    const unlisted: number[] = [];
    let hasEnded = false;
    for (let call = 0; !hasEnded; call++) {
      await dynamo.createTable(`progress-${call}`, ['pk', 'sort']);
      const ledger = createRunLedger(dynamo.client, `progress-${call}`);
      const life = new Life(atCall(call, 'dies before'));
      hasEnded = await survive(life, () => createRunLedger(life.spoil(dynamo.client), `progress-${call}`).admit(run, open));
      const isRecorded = (await ledger.readRun(RUN_ID)) !== undefined;
      if (isRecorded && (await ledger.listOpen()).length === 0) unlisted.push(call);
    }
    expect(unlisted).toEqual([]);
  });

  it('open-first: an admission that dies before its run is started is finished by the sweep', async () => {
    world.manifests.put(KEY, Buffer.from('a'), {});
    for (const call of ['admit', 'start', 'markStarted']) {
      world.fate = once(call, 'dies before');
      await world.admitAgain(KEY);
    }
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect(await world.ledger.listRuns('acme', 10)).toMatchObject([{ state: 'finished' }]);
  });
});

describe('the rules of the end', () => {
  it('open-last: at whatever call the end of a run dies, it is on the list as long as anything of it is missing', async () => {
    const run = await aCompleteRun();
    for (let call = 0, hasEnded = false; !hasEnded; call++) {
      hasEnded = await survive(new Life(atCall(call, 'dies before')), (life) => finishRun({ v: 1, run }, world.ports(life)));
      const { holds } = await stage.readAccount();
      const isWhole = (await world.ledger.readRun(run))!.state === 'finished' && String(holds[run]).startsWith('settled');
      if (!isWhole) expect({ call, isOpen: await isOpen(run) }).toEqual({ call, isOpen: true });
    }
    expect(await isOpen(run)).toBe(false);
  });

  it('finish-idempotent: an end that died after manifest.json was written goes through credits, state and list when it is repeated', async () => {
    const run = await aCompleteRun();
    await survive(new Life(once('settle', 'dies before')), (life) => finishRun({ v: 1, run }, world.ports(life)));
    expect(world.results.keys(`acme/${run}/manifest.json`)).toHaveLength(1);
    expect(await isOpen(run)).toBe(true);
    await finishRun({ v: 1, run }, world.ports());
    expect(await stage.readAccount()).toMatchObject({ balance: BALANCE - 2 * CREDITS_PER_ITEM, charged: 2 * CREDITS_PER_ITEM });
    expect((await world.ledger.readRun(run))!.state).toBe('finished');
    expect(await isOpen(run)).toBe(false);
  });

  it('tombstone: a duplicate of the upload event, begun before the end and going on after it, holds nothing again', async () => {
    const run = await world.upload(KEY, ['a', 'b'], 2);
    const ports = world.ports();
    const source = { ...(await world.ledger.readRun(run))!.source };
    const duplicate = { ...ports, ledger: { ...ports.ledger, ...world.ledger, readRun: async () => undefined } };
    await world.settle();
    await admitRun({ source, uploadedAt: '2026-01-01T00:00:00Z' }, duplicate);
    const { balance, holds } = await stage.readAccount();
    expect({ balance, hold: holds[run] }).toEqual({ balance: BALANCE - 2 * CREDITS_PER_ITEM, hold: expect.stringMatching(/^settled /) as string });
  });
});
