import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { createCreditAccounts } from '../../shared/aws/credit-accounts.ts';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { createTenantStore } from '../../shared/aws/tenant-table.ts';
import { createWaitingRoom } from '../../shared/aws/waiting-room.ts';
import type { TenantStore, WaitingRoom } from '../../shared/ports.ts';
import { startDynamo } from './dynamo-emulator.ts';
import { RunWorld } from './run-world.ts';

/** What the tenant of a stage has at first. */
export const BALANCE = 1000;
const ACCOUNT = { pk: 'TENANT#acme', sort: 'CREDITS' };

export interface Account {
  readonly balance: number;
  readonly charged: number;
  readonly holds: Readonly<Record<string, number | string>>;
}

/** A world on tables of its own. */
export interface Stage {
  readonly world: RunWorld;
  loseLanes(): Promise<void>;
  readAccount(): Promise<Account>;
  setBalance(balance: number): Promise<void>;
  addCredits(amount: number): Promise<void>;
  readonly room: WaitingRoom;
  readonly settings: TenantStore;
}

/** Worlds on the product's adapters over one emulator. */
export async function startStages(): Promise<{ newStage(): Promise<Stage>; stop(): Promise<void> }> {
  const dynamo = await startDynamo();
  const { client, createTable } = dynamo;
  let stages = 0;
  const newStage = async (): Promise<Stage> => {
    const [progress, lanes, tenants] = ['progress', 'lanes', 'tenants'].map((name) => `${name}-${stages}`) as [string, string, string];
    stages++;
    await createTable(progress, ['pk', 'sort']);
    await createTable(lanes, ['pk']);
    await createTable(tenants, ['pk', 'sort']);
    const setBalance = async (balance: number) => void (await client.send(new PutCommand({ TableName: tenants, Item: { ...ACCOUNT, v: 1, balance, charged: 0, holds: {} } })));
    await setBalance(BALANCE);
    const room = createWaitingRoom(client, tenants);
    const settings = createTenantStore(client, tenants);
    await settings.writeSettings('*', tenantSettingsSchema.parse({ paysCredits: true }));
    return {
      room,
      settings,
      world: new RunWorld({ ledger: createRunLedger(client, progress), lanes: createLaneStore(client, lanes), creditsOf: (clock) => createCredits(client, tenants, clock), room, tenants: settings }),
      loseLanes: async () => void (await client.send(new DeleteCommand({ TableName: lanes, Key: { pk: 'LANES' } }))),
      readAccount: async () => (await client.send(new GetCommand({ TableName: tenants, Key: ACCOUNT, ConsistentRead: true }))).Item as unknown as Account,
      setBalance,
      addCredits: async (amount) => void (await createCreditAccounts(client, tenants, () => 0).add({ tenant: 'acme', amount, id: 'added' })),
    };
  };
  return { newStage, stop: dynamo.stop };
}
