import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError } from '../../shared/errors.ts';

/** Who works on a data folder. */
export interface LockHolder {
  readonly pid: number;
  /** When the process began, in a form that only its own machine can compare: a pid may be used again. */
  readonly processStart: string;
  /** '' until the stack listens. */
  readonly endpoint: string;
  /** ISO 8601 */
  readonly startedAt: string;
}

export interface FolderLock {
  announce(endpoint: string): Promise<void>;
  release(): Promise<void>;
}

const LOCK_FILE = 'lock';
/** A takeover takes milliseconds; one that is older was cut off. */
const TAKEOVER_MS = 10_000;

/**
 * Guards a data folder against a second stack. A lock whose process is gone is taken over.
 * @throws ConfigurationError saying who holds the folder
 */
export async function acquireLock(dataFolder: string): Promise<FolderLock> {
  await mkdir(dataFolder, { recursive: true });
  const path = join(dataFolder, LOCK_FILE);
  const own: LockHolder = { pid: process.pid, processStart: (await processStart(process.pid)) ?? '', endpoint: '', startedAt: new Date().toISOString() };
  if (!(await create(path, own))) await takeOver(path, own, dataFolder);
  return {
    announce: async (endpoint) => replace(path, { ...own, endpoint }),
    release: () => rm(path, { force: true }),
  };
}

/** The live holder of a data folder, or undefined. */
export async function readLockHolder(dataFolder: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(join(dataFolder, LOCK_FILE));
  return holder !== undefined && (await isAlive(holder)) ? holder : undefined;
}

/** Two that find the same stale lock: one alone may put its own in its place. */
async function takeOver(path: string, own: LockHolder, dataFolder: string): Promise<void> {
  const marker = `${path}.takeover`;
  if (!(await create(marker, own))) {
    const age = await stat(marker).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0);
    if (age < TAKEOVER_MS) throw new ConfigurationError(`another stack is just taking over ${dataFolder}; try again in a few seconds`);
    await replace(marker, own);
  }
  try {
    const holder = await readHolder(path);
    if (holder !== undefined && (await isAlive(holder))) throw new ConfigurationError(heldSentence(dataFolder, holder));
    await replace(path, own);
  } finally {
    await rm(marker, { force: true });
  }
}

const heldSentence = (dataFolder: string, { pid, endpoint, startedAt }: LockHolder): string =>
  `${dataFolder} is in use by a stack with process id ${pid}, started ${startedAt}${endpoint === '' ? '' : `, at ${endpoint}`}; stop it, or give another data folder`;

/** A link is made only if there is no file of that name, and never shows half of the text. @returns whether it was made */
async function create(path: string, holder: LockHolder): Promise<boolean> {
  const draft = await writeDraft(path, holder);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

const replace = async (path: string, holder: LockHolder): Promise<void> => rename(await writeDraft(path, holder), path);

async function writeDraft(path: string, holder: LockHolder): Promise<string> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(holder, null, 2)}\n`);
  return draft;
}

/** undefined for a file that is missing or was not written by a stack. */
async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as LockHolder;
    return Number.isInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, processStart: known }: LockHolder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const current = await processStart(pid);
  return current === undefined || known === '' || current === known;
}

/** undefined where it can't be found out. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    return process.platform === 'linux' ? await linuxStart(pid) : (await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)])).stdout.trim();
  } catch {
    return undefined;
  }
}

/** proc(5): field 22 of `stat` is the start in ticks since boot; the second field may hold spaces. */
async function linuxStart(pid: number): Promise<string> {
  const [text, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile('/proc/sys/kernel/random/boot_id', 'utf8')]);
  return `${boot.trim()}:${text.slice(text.lastIndexOf(')') + 2).split(' ')[19]}`;
}
