import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../shared/errors.ts';
import { mapConcurrently } from '../../shared/map-concurrently.ts';
import type { LocalDocuments } from '../document-input.ts';
import { formatCount } from '../progress.ts';
import type { Terminal } from '../terminal.ts';
import type { Checkpoint, SentFile } from './checkpoint.ts';
import type { FormPoster } from './form-poster.ts';

export interface Sending {
  readonly documents: LocalDocuments;
  readonly checkpoint: Checkpoint;
  readonly poster: Pick<FormPoster, 'postFile'>;
  readonly filesAtOnce: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** What the API takes. */
export const MAX_FILE_BYTES = 100 * 1024 * 1024;
const SAY_EVERY_MS = 1000;
const LOOKS_AT_ONCE = 64;

/** Sends what has not arrived yet. @returns false after Ctrl-C: what has arrived is kept */
export async function uploadFiles({ documents: { folder, paths }, checkpoint, poster, filesAtOnce, terminal, signal }: Sending): Promise<boolean> {
  const files = await mapConcurrently(paths, LOOKS_AT_ONCE, async (path): Promise<SentFile> => {
    const { size, mtimeMs } = await stat(join(folder, path));
    return { path, bytes: size, modifiedMs: Math.floor(mtimeMs) };
  });
  const tooLarge = files.find(({ bytes }) => bytes > MAX_FILE_BYTES);
  if (tooLarge) throw new UsageError(`expected files of at most ${megabytes(MAX_FILE_BYTES)} MB, ${tooLarge.path} has ${megabytes(tooLarge.bytes)}`);
  const open = files.filter((file) => !checkpoint.has(file));
  if (open.length < files.length) terminal.note(`${formatCount(files.length - open.length)} of ${formatCount(files.length)} files have arrived before`);
  const show = createBar(files, open, terminal);
  await mapConcurrently(open, filesAtOnce, async (file) => {
    if (signal.aborted) return;
    await poster.postFile(file.path, join(folder, file.path));
    await checkpoint.add(file);
    show(file);
  });
  return !signal.aborted;
}

/** Files and bytes so far, rate and time left; the time is reckoned from what this process sends. */
function createBar(files: readonly SentFile[], open: readonly SentFile[], terminal: Terminal): (file: SentFile) => void {
  const total = sum(files);
  const startedAt = terminal.now();
  const startBytes = total - sum(open);
  let [done, bytes, saidAt] = [files.length - open.length, startBytes, startedAt];
  return (file) => {
    done++;
    bytes += file.bytes;
    const now = terminal.now();
    if (now - saidAt < SAY_EVERY_MS && done < files.length) return;
    saidAt = now;
    const rate = (bytes - startBytes) / Math.max(0.001, (now - startedAt) / 1000);
    const left = rate > 0 ? Math.ceil((total - bytes) / rate) : undefined;
    const line = `uploaded ${formatCount(done)}/${formatCount(files.length)} files, ${megabytes(bytes)} of ${megabytes(total)} MB, ${megabytes(rate)} MB/s${left ? `, ${left} s left` : ''}`;
    if (terminal.isLive && done < files.length) terminal.live(line);
    else terminal.note(line);
  };
}

const sum = (files: readonly SentFile[]): number => files.reduce((bytes, file) => bytes + file.bytes, 0);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
