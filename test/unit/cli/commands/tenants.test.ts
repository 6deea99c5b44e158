import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { creditsCommand, setTenantCommand, showTenantCommand, tenantsCommand } from '../../../../cli/commands/tenants.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import type { CreditAccount } from '../../../../shared/ports.ts';
import type { TenantAdmin } from '../../../../shared/tenant-admin.ts';
import { DEFAULT_TENANT_SETTINGS, type TenantSettings } from '../../../../shared/tenant-settings.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { aRun } from '../../../support/ledger-fixtures.ts';

let settings: Map<string, TenantSettings>;
let accounts: Map<string, CreditAccount>;
let ids: Set<string>;
let told: string[];
beforeEach(() => {
  settings = new Map([['acme', { ...DEFAULT_TENANT_SETTINGS, weight: 3 }]]);
  accounts = new Map([['acme', { balance: 300, held: 50, charged: 1200 }]]);
  ids = new Set();
  told = [];
});

const queued = { reason: 'credits', since: '2026-01-01T00:00:00Z', needs: 2500, has: 300 } as const;

const admin = (): TenantAdmin => ({
  settings: {
    readSettings: async (tenant) => settings.get(tenant) ?? DEFAULT_TENANT_SETTINGS,
    writeSettings: async (tenant, next) => void settings.set(tenant, next),
    listSettings: async () => settings,
  },
  accounts: {
    read: async (tenant) => accounts.get(tenant),
    add: async ({ tenant, amount, id }) => {
      if (ids.has(id)) return 'seen';
      ids.add(id);
      const before = accounts.get(tenant) ?? { balance: 0, held: 0, charged: 0 };
      accounts.set(tenant, { ...before, balance: before.balance + amount });
      return 'added';
    },
  },
  room: { read: async (tenant) => (tenant === 'zoo' ? { waiting: 4000, holds: { r1: 4000 }, line: { r2: 1200, r3: 34 }, gone: 7, itemsPerSecond: 12.34 } : undefined) },
  openRuns: async () => [aRun({ queued }), aRun({ run: 'other', tenant: 'zoo' })],
  release: async (tenant) => (told.push(`release ${tenant}`), 1),
  reread: async (tenant) => void told.push(`reread ${tenant}`),
});

function contextOf(isJson = false): CommandContext & { terminal: ReturnType<typeof createFakeTerminal> } {
  const startBackend = async () => ({ tenants: admin(), describeQueue: async () => ({ classes: {}, tenants: [{ tenant: 'acme', share: 0.75, lagMs: 1500 }] }), stop: async () => undefined }) as unknown as Backend;
  return { terminal: createFakeTerminal({ isJson }), tenant: 'local', backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend, signal: new AbortController().signal };
}

describe('spillway tenants', () => {
  it('lists every tenant that has settings or an open run', async () => {
    const context = contextOf();
    expect(await tenantsCommand(context)).toBe(0);
    expect(context.terminal.printed).toEqual([
      'acme  weight 3, in flight any, waiting any  credits 300, held 50, charged 1,200  share 75 %, ahead 1.5 s  1 open runs (1 waiting)',
      'zoo  weight 1, in flight any, waiting any  4,000 items waiting, 1,234 in line, 12 items/s  1 open runs',
    ]);
  });

  it('shows what the waiting runs of a tenant wait for', async () => {
    const context = contextOf();
    await showTenantCommand('acme', context);
    expect(context.terminal.printed.at(-1)).toContain('waiting for credits: needs 2,500, has 300');
  });

  it('changes single settings, keeps the others, and makes the dispatcher look again', async () => {
    await setTenantCommand('acme', ['maxInFlight=5', 'onFull=refuse'], { unset: [] }, contextOf());
    expect(settings.get('acme')).toEqual({ weight: 3, maxInFlight: 5, onFull: 'refuse' });
    await setTenantCommand('acme', [], { unset: ['weight', 'maxInFlight'] }, contextOf());
    expect(settings.get('acme')).toEqual({ weight: 1, onFull: 'refuse' });
    expect(told).toEqual(['reread acme', 'release acme', 'reread acme', 'release acme']);
  });

  it.each([
    ['a weight above 100', ['weight=101'], [], /`weight`: .*<=100/],
    ['a name that there is not', ['wait=1'], [], /"wait"/],
    ['nothing to do', [], [], /expected a setting such as weight=3/],
    ['an unknown name to unset', [], ['wait'], /expected --unset to name one of weight, /],
  ])('refuses %s with a sentence, and changes nothing', async (_, pairs, unset, sentence) => {
    const before = new Map(settings);
    await expect(setTenantCommand('acme', pairs, { unset }, contextOf())).rejects.toThrow(sentence);
    expect(settings).toEqual(before);
  });

  it('adds credits once for an id, lets in what waited, and lists the tenant from then on', async () => {
    const context = contextOf(true);
    for (let times = 0; times < 2; times++) await creditsCommand('new', { add: '500', id: 'invoice-7' }, context);
    expect(context.terminal.printed.map((line) => JSON.parse(line) as unknown)).toEqual([
      { tenant: 'new', credits: { balance: 500, held: 0, charged: 0 }, change: 'added', released: 1 },
      { tenant: 'new', credits: { balance: 500, held: 0, charged: 0 }, change: 'seen', released: 0 },
    ]);
    expect(settings.has('new')).toBe(true);
  });

  it('takes the balance to a figure, whatever it was, and without an amount shows it', async () => {
    const context = contextOf();
    await creditsCommand('acme', { set: '100' }, context);
    await creditsCommand('acme', {}, context);
    expect(context.terminal.printed).toEqual(['tenant acme: credits 100, held 50, charged 1,200; 1 waiting run goes on', 'tenant acme: credits 100, held 50, charged 1,200']);
  });

  it.each([[{ add: '1.5' }], [{ add: '-1' }], [{ set: '' }], [{ add: '1', set: '1' }]])('refuses %o with a sentence', async (options) => {
    await expect(creditsCommand('acme', options, contextOf())).rejects.toThrow(/^expected /);
    expect(accounts.get('acme')!.balance).toBe(300);
  });
});
