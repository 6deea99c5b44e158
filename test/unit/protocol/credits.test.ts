import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { admitRun } from '../../../shared/admission.ts';
import { createCredits } from '../../../shared/aws/credit-table.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { ManifestRefusedError } from '../../../shared/errors.ts';
import { letIn } from '../../../shared/let-in.ts';
import { isPlanned } from '../../../shared/planned-run.ts';
import type { PlannedRun } from '../../../shared/records.ts';
import { tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { Life, once } from '../../support/life.ts';
import { CREDITS_PER_ITEM } from '../../support/run-world.ts';
import { type Stage, startStages } from '../../support/world-stage.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let stages: Awaited<ReturnType<typeof startStages>>;
beforeAll(async () => {
  dynamo = await startDynamo();
  await dynamo.createTable('tenants', ['pk', 'sort']);
  stages = await startStages();
});
afterAll(async () => {
  await dynamo.stop();
  await stages.stop();
});

const KEY = { pk: 'TENANT#acme', sort: 'CREDITS' };
const REQUEST = { tenant: 'acme', run: 'r1' };
beforeEach(async () => {
  await dynamo.client.send(new PutCommand({ TableName: 'tenants', Item: { ...KEY, v: 1, balance: 25, charged: 0, holds: {} } }));
});

const credits = (client = dynamo.client) => createCredits(client, 'tenants', () => 1_000_000);
const readAccount = async () => {
  const { Item } = await dynamo.client.send(new GetCommand({ TableName: 'tenants', Key: KEY, ConsistentRead: true }));
  const { balance, charged, holds } = Item!;
  return { balance, charged, hold: (holds as Record<string, unknown>)['r1'] };
};

/** Makes every call twice, as the SDK does when the first answer is lost. */
const twice = () => new Life(() => 'made twice').spoil(dynamo.client);

describe('the rules of credits', () => {
  it('hold-once: a hold that is made twice, and one beside it, reserve once', async () => {
    expect(await credits(twice()).hold({ ...REQUEST, amount: 10 })).toEqual({ kind: 'held' });
    expect(await readAccount()).toEqual({ balance: 15, charged: 0, hold: 10 });
    expect(await credits().hold({ ...REQUEST, amount: 10 })).toEqual({ kind: 'held' });
    expect(await readAccount()).toEqual({ balance: 15, charged: 0, hold: 10 });
  });

  it('settle-once: a settlement that is made twice, and a repeated end, charge once', async () => {
    await credits().hold({ ...REQUEST, amount: 10 });
    await credits(twice()).settle({ ...REQUEST, charge: 4 });
    await credits().settle({ ...REQUEST, charge: 4 });
    expect(await readAccount()).toEqual({ balance: 21, charged: 4, hold: 'settled 1000000' });
  });

  it('balance-check: what the tenant does not have is not held', async () => {
    expect(await credits().hold({ ...REQUEST, amount: 26 })).toEqual({ kind: 'refused', balance: 25 });
    expect(await readAccount()).toEqual({ balance: 25, charged: 0, hold: undefined });
    expect(await credits().hold({ ...REQUEST, amount: 25 })).toEqual({ kind: 'held' });
  });

  it('tombstone: a run that was settled is held never again, and the hold of an old one is buried after a day', async () => {
    await credits().hold({ ...REQUEST, amount: 10 });
    await credits().settle({ ...REQUEST, charge: 4 });
    expect(await credits().hold({ ...REQUEST, amount: 10 })).toEqual({ kind: 'held' });
    expect(await readAccount()).toEqual({ balance: 21, charged: 4, hold: 'settled 1000000' });
    const later = createCredits(dynamo.client, 'tenants', () => 1_000_000 + 86_400_001);
    await later.hold({ tenant: 'acme', run: 'r2', amount: 1 });
    expect(await readAccount()).toEqual({ balance: 20, charged: 4, hold: undefined });
  });

  it('end-bars: a run that ended without a hold gets none any more, however late somebody tries', async () => {
    await credits(twice()).settle({ ...REQUEST, charge: 4 });
    expect(await credits().hold({ ...REQUEST, amount: 10 })).toEqual({ kind: 'held' });
    expect(await readAccount()).toEqual({ balance: 25, charged: 0, hold: 'settled 1000000' });
  });

  it('hold-limit: never more is charged than was held', async () => {
    await credits().hold({ ...REQUEST, amount: 10 });
    await credits().settle({ ...REQUEST, charge: 11 });
    expect(await readAccount()).toEqual({ balance: 15, charged: 10, hold: 'settled 1000000' });
  });
});

describe('the rules of credits in a run', () => {
  const key = 'acme/noop/list.txt';
  const ROWS = ['a', 'b', 'b'];
  /** Of two items; the third is a duplicate. */
  const NEEDS = 2 * CREDITS_PER_ITEM;

  async function aStage(balance: number): Promise<Stage & { readonly run: string }> {
    const stage = await stages.newStage();
    await stage.setBalance(balance);
    return { ...stage, run: await stage.world.upload(key, ROWS, 2) };
  }

  it('hold-first: a run whose planning dies at the reservation has no batch that could be sent', async () => {
    const { world, run } = await aStage(NEEDS);
    world.fate = once('hold', 'dies before');
    await world.stepExecutions();
    expect(isPlanned(await world.ledger.readRun(run))).toBe(true);
    expect(await world.ledger.readShards(run, [0])).toEqual([]);
  });

  it('what its items without the duplicates cost is held after the plan, and every item is paid once', async () => {
    const { world, run, readAccount: readTenant } = await aStage(NEEDS);
    await world.stepExecutions();
    expect(await readTenant()).toMatchObject({ balance: 0, charged: 0, holds: { [run]: NEEDS } });
    await world.settle();
    expect(await readTenant()).toMatchObject({ balance: 0, charged: NEEDS });
  });

  it('a run that its tenant can not pay waits and says what it lacks, and goes on when credits were added', async () => {
    const { world, run, readAccount: readTenant, setBalance } = await aStage(NEEDS - 1);
    await world.stepExecutions();
    await world.dispatch();
    expect(world.workQueue).toEqual([]);
    expect((await world.ledger.readRun(run))!.queued).toMatchObject({ reason: 'credits', needs: NEEDS, has: NEEDS - 1 });
    await world.sweep();
    expect((await world.ledger.readRun(run))!.queued).toBeDefined();
    await setBalance(NEEDS);
    await world.settle();
    expect(await world.ledger.readRun(run)).toMatchObject({ state: 'finished' });
    expect((await world.ledger.readRun(run))!.queued).toBeUndefined();
    expect(await readTenant()).toMatchObject({ balance: 0, charged: NEEDS });
  });

  it('a run that waits for credits is cancelled like any other, and costs nothing', async () => {
    const { world, run, readAccount: readTenant } = await aStage(NEEDS - 1);
    await world.stepExecutions();
    await world.cancel(run);
    await world.settle();
    expect(await world.ledger.readRun(run)).toMatchObject({ state: 'finished', stop: { reason: 'cancelled' } });
    expect(await readTenant()).toMatchObject({ balance: NEEDS - 1, charged: 0 });
  });

  it('a tenant that chose to be refused gets a sentence instead of a place in the queue', async () => {
    const { world, run } = await aStage(NEEDS - 1);
    await world.stepExecutions();
    const planned = (await world.ledger.readRun(run)) as PlannedRun;
    const { queued: _, ...fresh } = planned;
    const refusing = { ...world.ports(), tenants: { readSettings: async () => tenantSettingsSchema.parse({ onFull: 'refuse', paysCredits: true }) } };
    await expect(letIn(fresh, refusing)).rejects.toThrow(new ManifestRefusedError(`${key}: expected at least ${NEEDS} credits of tenant acme for this run, it has ${NEEDS - 1}: add credits and upload the manifest again`));
    // It was told to wait before the setting was changed.
    expect(await letIn(planned, refusing)).toBe('credits');
  });

  it('late-hold: an admission ends when another delivery of its event was refused meanwhile, and starts nothing', async () => {
    const { world } = await stages.newStage();
    world.manifests.put(key, Buffer.from('a'), {});
    const ports = world.ports();
    const admit: typeof ports.ledger.admit = async (record, open) => {
      const admitted = await world.ledger.admit(record, open);
      await world.ledger.markEnded(record.run, { state: 'failed', finishedAt: open.uploadedAt, error: 'refused' });
      return admitted;
    };
    const { etag, bytes } = (await world.manifests.head(key))!;
    const upload = { source: { bucket: 'manifests', key, version: '1', bytes, etag }, uploadedAt: '2026-01-01T00:00:00Z' };
    expect(await admitRun(upload, { ...ports, ledger: { ...world.ledger, admit } })).toMatchObject({ kind: 'refused', reason: 'refused' });
    expect(world.executions.all()).toEqual([]);
  });

  it('sweep-heals: the hold of a failed run whose end died is given back by the sweep', async () => {
    const { world, run, readAccount: readTenant } = await aStage(NEEDS);
    await world.stepExecutions();
    await world.ledger.markEnded(run, { state: 'failed', finishedAt: new Date(world.now).toISOString(), error: 'no more' });
    world.executions.stop(run);
    await world.settle();
    expect(await readTenant()).toMatchObject({ balance: NEEDS, charged: 0, holds: { [run]: expect.stringMatching(/^settled /) as string } });
  });
});
