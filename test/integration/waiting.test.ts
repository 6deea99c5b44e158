import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyStoredRun } from '../../cli/verify-stored-run.ts';
import { createDynamo } from '../../shared/aws/clients.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { backendOf } from '../support/target-backend.ts';
import { TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

let target: Target;
let client: TargetClient;
beforeAll(async () => {
  target = await startTarget();
  client = new TargetClient(target);
});
afterAll(() => target?.stop());

const stores = () => {
  const { endpoint, region, credentials } = target;
  const dynamo = createDynamo({ endpoint, region, credentials });
  return { settings: createTenantStore(dynamo, client.output('TenantsTable')), room: createWaitingRoom(dynamo, client.output('TenantsTable')) };
};
const rows = (count: number) => Array.from({ length: count }, (_, i) => `row ${i}`).join('\n');

describe('runs of a tenant with a cap on waiting items', () => {
  it('wait for each other, all end with a verdict for each item, and leave nothing behind', async () => {
    const { settings, room } = stores();
    await settings.writeSettings('capped', tenantSettingsSchema.parse({ maxWaitingItems: 50 }));
    const runs = await Promise.all(Array.from({ length: 6 }, (_, n) => client.upload(`capped/noop/${n}.txt`, rows(40))));
    for (const run of runs) {
      const record = await client.waitForEnd(run);
      expect(record).toMatchObject({ state: 'finished' });
      expect(await client.readVerdicts(record)).toHaveLength(40);
      expect((await verifyStoredRun(backendOf(client), record)).faults).toEqual([]);
    }
    expect(await room.read('capped')).toMatchObject({ waiting: 0, holds: {}, line: {} });
    expect((await room.read('capped'))!.gone).toBe(6 * 40);
  });

  it('are refused with a sentence beside the manifest, if the tenant chose that', async () => {
    const { settings, room } = stores();
    await settings.writeSettings('strict', tenantSettingsSchema.parse({ maxWaitingItems: 50, onFull: 'refuse' }));
    await room.enter({ tenant: 'strict', run: 'another', items: 45, cap: 50, joinsLine: false });
    const record = await client.waitForEnd(await client.upload('strict/noop/a.txt', rows(40)));
    expect(record).toMatchObject({ state: 'failed', error: 'strict/noop/a.txt: expected room for 40 items of tenant strict, 45 are waiting already: upload the manifest again later' });
    expect(await client.exists(client.output('ManifestsBucket'), 'strict/noop/a.txt.refused.json')).toBe(true);
  });
});
