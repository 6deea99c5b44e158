import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dispatchBatches, type DispatchPorts } from '../../../lambdas/dispatch-batches/dispatch-batches.ts';
import { createLaneStore } from '../../../shared/aws/lane-table.ts';
import { createRunLedger } from '../../../shared/aws/run-ledger.ts';
import { applyReport } from '../../../shared/apply-report.ts';
import { addRun, emptyLanes, inFlight, openShard, pickBatches } from '../../../shared/lanes.ts';
import type { DispatchMessage, WorkMessage } from '../../../shared/messages.ts';
import type { LaneStore, RunLedger } from '../../../shared/ports.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { aRun, aShard } from '../../support/ledger-fixtures.ts';
import { Life, once, survive } from '../../support/life.ts';
import { startStages } from '../../support/world-stage.ts';
import { until } from '../../support/worker-bench.ts';
import { UNKNOWN_TENANTS } from '../../support/unknown-tenants.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stages: Awaited<ReturnType<typeof startStages>>;
let ledger: RunLedger;
let lanes: LaneStore;
let sent: WorkMessage[];
let tables = 0;

beforeAll(async () => {
  dynamo = await startDynamo();
  stages = await startStages();
});
afterAll(async () => {
  await dynamo.stop();
  await stages.stop();
});

const WINDOW = 2;
const RUN = aRun();
const OPEN = { v: 1, type: 'open', run: RUN.run, shard: 0 } as const;

/** A run of one shard of four batches, nothing sent yet. */
beforeEach(async () => {
  const [progress, laneTable] = [`progress-${tables}`, `lanes-${tables}`];
  tables++;
  await dynamo.createTable(progress, ['pk', 'sort']);
  await dynamo.createTable(laneTable, ['pk']);
  ledger = createRunLedger(dynamo.client, progress);
  lanes = createLaneStore(dynamo.client, laneTable);
  sent = [];
  await ledger.admit(RUN, { v: 1, run: RUN.run, source: RUN.source, uploadedAt: RUN.createdAt });
  await ledger.putShard(aShard([1, 1, 1, 1]));
});

let stamps = 0;
const ports = (changes: Partial<DispatchPorts> = {}): DispatchPorts => ({
  ...UNKNOWN_TENANTS,
  ledger,
  lanes,
  workQueues: { send: async (_, messages) => void sent.push(...messages.map(({ message }) => message)) },
  clock: () => 1_000_000,
  newStamp: () => `stamp ${stamps++}`,
  windows: { standard: WINDOW },
  onUnknownRun: () => undefined,
  resendAfterMs: 120_000,
  ...changes,
});
const batchesSent = () => sent.map((message) => ('batch' in message ? message.batch : -1));

describe('the rules of the dispatcher', () => {
  it('lanes-condition: a dispatcher that another one has overtaken sends nothing of what that one sent', async () => {
    const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
    let isWriting = false;
    const slow: LaneStore = {
      read: () => lanes.read(),
      write: async (before, after) => {
        isWriting = true;
        await gate;
        return lanes.write(before, after);
      },
    };
    const first = dispatchBatches([OPEN], ports({ lanes: slow }));
    await until(() => isWriting);
    await dispatchBatches([OPEN], ports());
    letGo();
    await first;
    expect(batchesSent()).toEqual([0, 1]);
  });

  it('lanes-condition: also when lanes are there already', async () => {
    await dispatchBatches([], ports());
    const { stamp } = (await lanes.read())!;
    expect(await lanes.write(stamp, { stamp: 'newer', state: emptyLanes() })).toBe(true);
    expect(await lanes.write(stamp, { stamp: 'of the overtaken', state: emptyLanes() })).toBe(false);
    expect((await lanes.read())!.stamp).toBe('newer');
  });

  it('own-lanes-write: a write whose answer was lost is the dispatcher’s own, and it sends', async () => {
    const life = new Life(once('write', 'made twice'));
    await dispatchBatches([OPEN], ports({ lanes: life.spoil(lanes) }));
    expect(batchesSent()).toEqual([0, 1]);
  });

  it('state-then-send: a dispatcher that dies before it has written its state has sent nothing', async () => {
    const life = new Life(once('write', 'dies before'));
    await survive(life, () => dispatchBatches([OPEN], ports({ lanes: life.spoil(lanes) })));
    expect(sent).toEqual([]);
    await dispatchBatches([OPEN], ports());
    expect(batchesSent()).toEqual([0, 1]);
  });

  it('report-names-q: a report that comes again, after its batch was sent again, frees no slot', () => {
    const state = emptyLanes();
    openShard(addRun(state, RUN), aShard([2, 2]), 0);
    pickBatches(state, { standard: 1 }, 0);
    const report = { run: RUN.run, shard: 0, batch: 0, q: 1, isDone: false, until: 0 };
    applyReport(state, report);
    expect(pickBatches(state, { standard: 1 }, 1)).toMatchObject([{ batch: 0, q: 1 }]);
    applyReport(state, report);
    expect(inFlight(state, 'standard')).toBe(1);
    expect(pickBatches(state, { standard: 1 }, 2)).toEqual([]);
  });

  it('sweep-heal: a run ends although both queues lost every message of it', async () => {
    const { world } = await stages.newStage();
    const run = await world.upload('acme/noop/list.txt', ['a', 'b'], 1);
    await world.stepExecutions();
    world.dispatchQueue = [];
    expect(await world.settle()).toBeLessThanOrEqual(2);
    expect((await world.ledger.readRun(run))!.state).toBe('finished');
  });

  it('heal-slots: slots of a run that ended, whose reports are lost, are given to the run that waits for them', async () => {
    const { world } = await stages.newStage();
    await world.upload('acme/noop/first.txt', ['a', 'b', 'c'], 1);
    await world.stepExecutions();
    await world.dispatch();
    for (let batch = 0; batch < 3; batch++) await world.work();
    world.dispatchQueue = world.dispatchQueue.filter((message: DispatchMessage) => message.type !== 'report');
    await world.stepExecutions();
    await world.stepExecutions();
    expect(await world.ledger.listOpen()).toEqual([]);
    const second = await world.upload('acme/noop/second.txt', ['d'], 1);
    expect(await world.settle()).toBeLessThanOrEqual(3);
    expect((await world.ledger.readRun(second))!.state).toBe('finished');
  });
});
