import type { QueueDescription, QueueTenant } from '../../shared/describe-queue.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatCount, formatTime } from '../progress.ts';
import type { CommandContext } from '../settings.ts';

/** Whose turn it is: what is in flight of each worker class, and share, service and lag of each tenant with work, the next one first. */
export async function queueCommand({ startBackend, backendOptions, terminal }: CommandContext): Promise<ExitCode> {
  const backend = await startBackend({ ...backendOptions, isReadOnly: true });
  try {
    const queue = await backend.describeQueue();
    if (terminal.isJson) terminal.print(JSON.stringify(queue));
    else for (const line of describeLines(queue)) terminal.print(line);
    return EXIT.ok;
  } finally {
    await backend.stop();
  }
}

function describeLines({ classes, tenants }: QueueDescription): string[] {
  const ofClasses = Object.entries(classes).map(([name, { window, inFlight, itemsPerSecond }]) => `${name}: ${formatCount(inFlight)} of ${formatCount(window)} batches in flight, ${formatRate(itemsPerSecond)} items/s`);
  if (tenants.length === 0) return [...ofClasses, 'no tenant has work'];
  const table = [['tenant', 'weight', 'share', 'in flight', 'waiting', 'ahead', 'waits for'], ...tenants.map(cellsOf)];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return [...ofClasses, ...table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ').trimEnd())];
}

function cellsOf({ tenant, weight, share, inFlight, waitingBatches, unopenedShards, lagMs, waits: [wait, ...more] }: QueueTenant): string[] {
  const unopened = unopenedShards > 0 ? ` and ${formatCount(unopenedShards)} shards` : '';
  const waiting = wait ? `${wait.limit} until ${formatTime(wait.until)}${more.length > 0 ? ` and ${formatCount(more.length)} more` : ''}` : '';
  return [tenant, String(weight), `${Math.round(100 * share)} %`, formatCount(inFlight), `${formatCount(waitingBatches)} batches${unopened}`, `${(lagMs / 1000).toFixed(1)} s`, waiting];
}

const formatRate = (rate: number): string => rate.toLocaleString('en', { maximumSignificantDigits: 3 });
