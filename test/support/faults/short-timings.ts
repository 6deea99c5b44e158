import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { assemble } from '../../../cdk/assemble.ts';
import type { Timings } from '../../../cdk/timings.ts';

/** A crash costs seconds instead of minutes: the template's environment differs, the bundles are the deployed ones. */
export const SHORT_TIMINGS: Timings = {
  // A part of it is an item's deadline, which a busy machine must not miss.
  workerTimeoutSeconds: 10,
  // A FIFO group waits six times as long for a round that died. Less, and the first round of a new environment dies of its time-out on a busy machine.
  dispatchTimeoutSeconds: 6,
  leaseMarginSeconds: 1,
  closingSeconds: 1,
  // Longer than a batch lies in its queue while all workers are busy, or every batch would be sent twice.
  resendAfterSeconds: 10,
};

/** The project, synthesised with short time-outs into a folder of its own. */
export async function assembleShort(): Promise<{ readonly folder: string; remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-faults-'));
  await assemble(folder, { sourceRoot: resolve(import.meta.dirname, '../../..'), timings: SHORT_TIMINGS });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
