import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createClient, eachOf, type Redrive, type ResultFile, type Run, type SpillwayClient } from '../../client/spillway-client.ts';
import { UsageError } from '../../shared/errors.ts';
import { mapConcurrently } from '../../shared/map-concurrently.ts';
import { targetOf } from '../copy-results.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { formatCount } from '../progress.ts';
import { followRemoteRun, hasRunEnded } from '../remote/follow-remote-run.ts';
import { readProfile } from '../remote/profile.ts';
import type { CommandContext } from '../settings.ts';
import { readRunOptions } from '../settings.ts';
import type { RedriveOptions } from './redrive.ts';

/** What is done to a run over the API of a profile. */
export interface Remote {
  readonly client: SpillwayClient;
  /** `--profile <name>`, for what a person is told to do next. */
  readonly profile: string;
}

const COPIES_AT_ONCE = 8;
const ATTEMPTS = 4;

export async function openRemote(profile: string, environment: Readonly<Record<string, string | undefined>>): Promise<Remote> {
  return { client: createClient(await readProfile(profile, environment)), profile: `--profile ${profile}` };
}

/** @returns the id given, else the latest run's @throws UsageError if there is none */
async function findRemoteRun(given: string | undefined, { client }: Remote): Promise<string> {
  if (given !== undefined) return given;
  const { runs } = await client.listRuns({ limit: 1 });
  if (!runs[0]) throw new UsageError('expected a run, but there is none yet: start one with `spillway submit`');
  return runs[0].run;
}

export const watchRemote = async (given: string | undefined, remote: Remote, context: CommandContext): Promise<ExitCode> => followRemoteRun(await findRemoteRun(given, remote), remote, context);

/** `cancel`, `pause`, `resume` */
export async function controlRemote(verb: 'cancel' | 'pause' | 'resume', given: string | undefined, { remote, context: { terminal } }: { readonly remote: Remote; readonly context: CommandContext }): Promise<ExitCode> {
  const run = await findRemoteRun(given, remote);
  const view = await remote.client[`${verb}Run`](run);
  terminal.print(terminal.isJson ? JSON.stringify(view) : `run ${run} is ${view.state}`);
  return EXIT.ok;
}

export async function redriveRemote(given: string | undefined, options: RedriveOptions, { remote, context: { terminal } }: { readonly remote: Remote; readonly context: CommandContext }): Promise<ExitCode> {
  if (options.dryRun) throw new UsageError('expected no --dry-run beside a profile: `spillway results` has the errors');
  const run = await findRemoteRun(given, remote);
  const choice: Redrive = {
    errors: options.error,
    hosts: options.host,
    retryableOnly: options.retryable ?? false,
    withSkipped: options.skipped ?? false,
    options: readRunOptions(options.option),
    ...(options.before !== undefined && { before: new Date(options.before).toISOString() }),
  };
  const view = await remote.client.redriveRun(run, choice);
  if (terminal.isJson) terminal.print(JSON.stringify(view));
  else terminal.print(view.run);
  terminal.note(`follow it: spillway watch ${view.run} ${remote.profile}`);
  return EXIT.ok;
}

/** Copies a finished run's files to disk, each held against its SHA-256. Again it fetches only what is not there. */
export async function resultsRemote(given: string | undefined, { out }: { readonly out: string }, { remote, context: { terminal } }: { readonly remote: Remote; readonly context: CommandContext }): Promise<ExitCode> {
  const run = await findRemoteRun(given, remote);
  const view: Run = await remote.client.showRun(run);
  if (!hasRunEnded(view)) throw new UsageError(`expected a finished run, ${run} is ${view.state}: spillway watch ${run} ${remote.profile}`);
  const folder = join(out, run);
  const files: ResultFile[] = [];
  for await (const file of eachOf('files', (query) => remote.client.listResults(run, query))) files.push(file);
  await mapConcurrently(files, COPIES_AT_ONCE, (file) => copyFile(file, folder));
  if (terminal.isJson) terminal.print(JSON.stringify({ run, folder, files: files.length }));
  else terminal.print(`${formatCount(files.length)} files of run ${run} are in ${folder}`);
  return EXIT.ok;
}

async function copyFile({ path, url, sha256 }: ResultFile, folder: string): Promise<void> {
  const target = targetOf(folder, path);
  await mkdir(dirname(target), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      return await download(url, target, sha256);
    } catch (error) {
      if (attempt === ATTEMPTS) throw new Error(`expected to read ${path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function download(url: string, target: string, sha256: string): Promise<void> {
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`S3 answered ${response.status}`);
  const hash = createHash('sha256');
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(target));
  const got = hash.digest('hex');
  if (got !== sha256) throw new Error(`its SHA-256 is ${got} instead of ${sha256}`);
}
