import { expect, it } from 'vitest';
import { queueCommand } from '../../../../cli/commands/queue.ts';
import type { QueueDescription } from '../../../../shared/describe-queue.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import type { CommandContext } from '../../../../cli/settings.ts';

const QUEUE: QueueDescription = {
  classes: { standard: { window: 20, inFlight: 3, itemsPerSecond: 123.4 } },
  tenants: [
    { tenant: 'acme', weight: 3, runs: 1, inFlight: 2, waitingBatches: 7, unopenedShards: 1200, serviceMsPerSecond: 300, share: 0.75, lagMs: 0, waits: [{ limit: 'host:a.example', until: Date.UTC(2026, 0, 1) }, { limit: 'host:b.example', until: Date.UTC(2026, 0, 2) }] },
    { tenant: 'beta', weight: 1, runs: 1, inFlight: 1, waitingBatches: 1, unopenedShards: 0, serviceMsPerSecond: 100, share: 0.25, lagMs: 1500, waits: [] },
  ],
};

async function show(queue: QueueDescription, isJson = false): Promise<string[]> {
  const terminal = createFakeTerminal({ isJson });
  const startBackend = async () => ({ describeQueue: async () => queue, stop: async () => undefined });
  await queueCommand({ terminal, startBackend, backendOptions: {} } as unknown as CommandContext);
  return terminal.printed;
}

it('shows who is next, with share, weight, what is in flight and what it waits for', async () => {
  const lines = await show(QUEUE);
  expect(lines[0]).toBe('standard: 3 of 20 batches in flight, 123 items/s');
  expect(lines[2]).toMatch(/^acme +3 +75 % +2 +7 batches and 1,200 shards +0\.0 s +host:a\.example until \d\d:\d\d:\d\d and 1 more$/);
  expect(lines[3]).toMatch(/^beta +1 +25 % +1 +1 batches +1\.5 s$/);
});

it('says so when nobody has work', async () => expect((await show({ classes: {}, tenants: [] })).at(-1)).toBe('no tenant has work'));

it('prints the read model as JSON', async () => expect(JSON.parse((await show(QUEUE, true)).join(''))).toEqual(QUEUE));
