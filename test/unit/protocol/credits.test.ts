import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { admitRun } from '../../../shared/admission.ts';
import { createCredits } from '../../../shared/aws/credit-table.ts';
import { startDynamo } from '../../support/dynamo-emulator.ts';
import { runIdOf } from '../../../shared/names.ts';
import { Life, once, survive } from '../../support/life.ts';
import { CREDITS } from '../../support/run-world.ts';
import { startStages } from '../../support/world-stage.ts';

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
    expect(await credits(twice()).hold({ ...REQUEST, amount: 10 })).toBe('held');
    expect(await readAccount()).toEqual({ balance: 15, charged: 0, hold: 10 });
    expect(await credits().hold({ ...REQUEST, amount: 10 })).toBe('held');
    expect(await readAccount()).toEqual({ balance: 15, charged: 0, hold: 10 });
  });

  it('settle-once: a settlement that is made twice, and a repeated end, charge once', async () => {
    await credits().hold({ ...REQUEST, amount: 10 });
    await credits(twice()).settle({ ...REQUEST, amount: 10, charge: 4 });
    await credits().settle({ ...REQUEST, amount: 10, charge: 4 });
    expect(await readAccount()).toEqual({ balance: 21, charged: 4, hold: 'settled 1000000' });
  });

  it('balance-check: what the tenant does not have is not held', async () => {
    expect(await credits().hold({ ...REQUEST, amount: 26 })).toBe('refused');
    expect(await readAccount()).toEqual({ balance: 25, charged: 0, hold: undefined });
    expect(await credits().hold({ ...REQUEST, amount: 25 })).toBe('held');
  });

  it('tombstone: a run that was settled is held never again, and the hold of an old one is buried after a day', async () => {
    await credits().hold({ ...REQUEST, amount: 10 });
    await credits().settle({ ...REQUEST, amount: 10, charge: 4 });
    expect(await credits().hold({ ...REQUEST, amount: 10 })).toBe('held');
    expect(await readAccount()).toEqual({ balance: 21, charged: 4, hold: 'settled 1000000' });
    const later = createCredits(dynamo.client, 'tenants', () => 1_000_000 + 86_400_001);
    await later.hold({ tenant: 'acme', run: 'r2', amount: 1 });
    expect(await readAccount()).toEqual({ balance: 20, charged: 4, hold: undefined });
  });

  describe('of two deliveries of an upload, one of which was refused before credits were added', () => {
    const key = 'acme/noop/list.txt';

    /** @param life of the delivery that is admitted, and holds the credits after the other one was refused */
    async function admitLate(life: Life) {
      const stage = await stages.newStage();
      const { world } = stage;
      await stage.setBalance(CREDITS.hold - 1);
      world.manifests.put(key, Buffer.from('a'), {});
      const head = (await world.manifests.head(key))!;
      const upload = { source: { bucket: 'manifests', key, version: '1', bytes: head.bytes, etag: head.etag }, uploadedAt: new Date(world.now).toISOString() };
      const { credits: table, ...ports } = world.ports(life);
      const hold: typeof table.hold = async (request) => {
        expect((await admitRun(upload, world.ports())).kind).toBe('refused');
        await stage.setBalance(CREDITS.hold);
        return table.hold(request);
      };
      const hasEnded = await survive(life, () => admitRun(upload, { ...ports, credits: { settle: table.settle, hold } }));
      return { ...stage, hasEnded };
    }
    const whole = { balance: CREDITS.hold, charged: 0, holds: { [runIdOf({ bucket: 'manifests', key, version: '1' })]: expect.stringMatching(/^settled /) as string } };

    it('late-hold: the other one gives its hold back, and starts nothing', async () => {
      const { world, readAccount: readTenant } = await admitLate(new Life(() => 'never'));
      expect(await readTenant()).toMatchObject(whole);
      expect(world.executions.all()).toEqual([]);
    });

    it('sweep-heals: the hold of the other one, which died with it, is given back by the sweep', async () => {
      const { world, readAccount: readTenant, hasEnded } = await admitLate(new Life(once('hold', 'dies after')));
      expect(hasEnded).toBe(false);
      expect(await readTenant()).toMatchObject({ balance: 0 });
      await world.settle();
      expect(await readTenant()).toMatchObject(whole);
    });
  });
});
