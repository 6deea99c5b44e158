import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createCreditAccounts } from '../../../../shared/aws/credit-accounts.ts';
import { createCredits } from '../../../../shared/aws/credit-table.ts';
import { startDynamo } from '../../../support/dynamo-emulator.ts';
import { Life } from '../../../support/life.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let table: string;
let tables = 0;
let now = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
});
afterAll(() => dynamo.stop());
beforeEach(async () => {
  table = `tenants-${tables++}`;
  await dynamo.createTable(table, ['pk', 'sort']);
});

const accounts = (client = dynamo.client) => createCreditAccounts(client, table, () => now);
const add = (amount: number, id: string) => accounts().add({ tenant: 'acme', amount, id });

it('a tenant that never had credits has no account', async () => {
  expect(await accounts().read('acme')).toBeUndefined();
});

it('an addition counts once for its id, also when each of its calls is made twice', async () => {
  const twice = new Life(() => 'made twice').spoil(dynamo.client);
  expect(await accounts(twice).add({ tenant: 'acme', amount: 500, id: 'invoice-1' })).toBe('seen');
  expect(await add(500, 'invoice-1')).toBe('seen');
  expect(await add(20, 'invoice-2')).toBe('added');
  expect(await accounts().read('acme')).toEqual({ balance: 520, held: 0, charged: 0 });
});

it('ids of additions are forgotten after thirty days, so that the record never grows full', async () => {
  await add(10, 'old');
  now += 31 * 86_400_000;
  await add(10, 'new');
  expect(await add(1, 'old')).toBe('added');
  expect(await add(1, 'new')).toBe('seen');
});

it('the balance never falls below nothing', async () => {
  await add(10, 'a');
  expect(await add(-11, 'b')).toBe('too little');
  expect(await add(-10, 'c')).toBe('added');
  expect(await accounts().read('acme')).toEqual({ balance: 0, held: 0, charged: 0 });
});

it('shows what runs hold beside what is free and what was charged', async () => {
  const credits = createCredits(dynamo.client, table, () => 0);
  await credits.hold({ tenant: 'acme', run: 'r0', amount: 1 });
  await add(100, 'a');
  for (const [run, amount] of [['r1', 10], ['r2', 30]] as const) expect(await credits.hold({ tenant: 'acme', run, amount })).toEqual({ kind: 'held' });
  await credits.settle({ tenant: 'acme', run: 'r1', charge: 4 });
  expect(await accounts().read('acme')).toEqual({ balance: 66, held: 30, charged: 4 });
});
