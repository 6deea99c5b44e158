import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createLimitSettings } from '../../../../shared/aws/limit-settings-table.ts';
import { createLimitTable } from '../../../../shared/aws/limit-table.ts';
import { listLimits } from '../../../../shared/aws/list-limits.ts';
import { limitForKey } from '../../../../shared/limit-settings.ts';
import { createLimitControl } from '../../../../shared/limiting/limit-control.ts';
import { rememberSettings, SETTINGS_KEPT_MS } from '../../../../shared/limiting/settings-store.ts';
import { startDynamo } from '../../../support/dynamo-emulator.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let table: string;
let tables = 0;
const NOW = 1_700_000_000_000;
beforeAll(async () => {
  dynamo = await startDynamo();
});
afterAll(() => dynamo.stop());
beforeEach(async () => {
  table = `limits${tables++}`;
  await dynamo.createTable(table, ['pk']);
});

const control = () =>
  createLimitControl({ settings: createLimitSettings(dynamo.client, table), table: createLimitTable(dynamo.client, table), listRecords: () => listLimits(dynamo.client, table), hostRequestsPerSecond: 2, clock: () => NOW });
const reserve = (key: string, units: number) =>
  createLimitTable(dynamo.client, table).reserve({ key, limit: limitForKey(key, {}, { maxWaitMs: 60_000, hostRequestsPerSecond: 2 })!, units, nowUs: NOW * 1000 });

it('a limit that is set holds at once for a key in use, its debt included; others are left alone', async () => {
  await reserve('host:a.example', 5);
  await reserve('host:b.example', 5);
  expect(await control().set([['host:a.example', { unit: 'requests', units: 20, windowMs: 1000, burst: 1 }]])).toEqual(['host:a.example']);
  const [a, b] = await Promise.all(['host:a.example', 'host:b.example'].map((key) => createLimitTable(dynamo.client, table).read(key)));
  expect(a).toMatchObject({ t: 57_500, t0: 57_500, burst: 1, gen: 1, tat: NOW * 1000 + 5 * 57_500 });
  expect(b).toMatchObject({ gen: 0, tat: NOW * 1000 + 5 * 575_000 });
});

it('a pattern concerns every key that has no setting of its own, and unset gives the default back', async () => {
  await control().set([['host:a.example', { unit: 'requests', units: 1, windowMs: 1000 }]]);
  await reserve('host:a.example', 1);
  await reserve('host:b.example', 1);
  expect(await control().set([['host:*', { unit: 'requests', units: 4, windowMs: 1000, burst: 1 }]])).toEqual(['host:b.example']);
  expect(await control().unset(['host:*'])).toBe(true);
  expect(await createLimitTable(dynamo.client, table).read('host:b.example')).toMatchObject({ t: 575_000, gen: 2 });
  expect(await control().unset(['host:*'])).toBe(false);
});

it('lists keys in use and settings without use: what was used, what holds them', async () => {
  await reserve('host:a.example', 3);
  await createLimitTable(dynamo.client, table).pauseUntil({ key: 'host:a.example', limit: limitForKey('host:a.example', {}, { maxWaitMs: 0, hostRequestsPerSecond: 2 })!, untilUs: (NOW + 5000) * 1000 });
  const setting = { unit: 'requests', units: 9, windowMs: 1000 } as const;
  await control().set([['tenant:acme', setting]]);
  await createLimitTable(dynamo.client, table).takeSlot({ key: 'host:a.example', slots: 1, owner: 'w', now: NOW, until: NOW + 1000, held: [] });
  expect(await control().list()).toEqual([
    { key: 'host:a.example', perMinute: 104.3, burst: 1, used: 3, throttles: 0, breaker: 'closed', pausedUntil: NOW + 5000 },
    { key: 'tenant:acme', setting, used: 0, throttles: 0, breaker: 'closed' },
  ]);
});

it('workers know of a setting ten seconds later at most, and keep what they knew when it can’t be read', async () => {
  let now = NOW;
  const store = createLimitSettings(dynamo.client, table);
  let fails = false;
  const settings = rememberSettings({ read: () => (fails ? Promise.reject(new Error('no table')) : store.read()) }, () => now);
  expect(await settings()).toEqual({});
  await store.set('tenant:acme', { unit: 'requests', units: 9, windowMs: 1000 });
  expect(await settings()).toEqual({});
  now += SETTINGS_KEPT_MS;
  expect(await settings()).toHaveProperty('tenant:acme');
  now += SETTINGS_KEPT_MS;
  fails = true;
  expect(await settings()).toHaveProperty('tenant:acme');
});
