import { measureRate } from '../../shared/estimate-wait.ts';
import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunLedger, Waiting, WaitingRoom } from '../../shared/ports.ts';

interface Ports {
  readonly ledger: RunLedger;
  readonly room: WaitingRoom;
  readonly clock: () => number;
}

/** Holds every tenant's waiting items against the ledger: what is done waits no more, and what a crash left of ended runs goes. Then it measures the tenant's rate. */
export async function tendRooms(ports: Ports): Promise<void> {
  for (const [tenant, waiting] of await ports.room.list()) {
    for (const run of new Set([...Object.keys(waiting.holds), ...Object.keys(waiting.line)])) await tendRun(tenant, run, waiting, ports);
    await noteRate(tenant, ports);
  }
}

async function tendRun(tenant: string, id: string, { holds }: Waiting, { ledger, room }: Ports): Promise<void> {
  const run = await ledger.readRun(id);
  if (!run || run.state === 'finished' || run.state === 'failed') return room.leave(tenant, id);
  const seen = holds[id];
  if (seen === undefined || !isPlanned(run)) return;
  const { pending } = countRun(run, await readAllShards(ledger, run));
  await room.shrink({ tenant, run: id, items: pending, seen });
}

async function noteRate(tenant: string, { room, clock }: Ports): Promise<void> {
  const now = clock();
  const { gone, goneThen, ratedAt, itemsPerSecond, holds, line } = (await room.read(tenant))!;
  if (Object.keys(holds).length + Object.keys(line).length === 0) return;
  const before = goneThen === undefined || ratedAt === undefined ? undefined : { gone: goneThen, at: ratedAt };
  await room.noteRate(tenant, { itemsPerSecond: measureRate({ before, gone, now, itemsPerSecond }), at: now, gone });
}
