import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DeployedCopy {
  readonly folder: string;
  /** Removes what was only for this process. */
  release(): Promise<void>;
}

/**
 * Copies a synthesised folder to where only this stack reads it: functions load their code when they are first called,
 * and the next synthesis replaces the folder. With a data folder the copy of the last deployment stays there to be looked at.
 */
export async function copyAssembly(templateFolder: string, dataFolder: string | undefined): Promise<DeployedCopy> {
  const folder = dataFolder === undefined ? await mkdtemp(join(tmpdir(), 'spillway-')) : join(dataFolder, 'deployed');
  const remove = () => rm(folder, { recursive: true, force: true });
  if (dataFolder !== undefined) await remove();
  await cp(templateFolder, folder, { recursive: true });
  return { folder, release: dataFolder === undefined ? remove : () => Promise.resolve() };
}
