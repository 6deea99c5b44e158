import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { synthesise } from '../../../cdk/synthesise.ts';
import { KILLED_RUN, type Moment } from './moments.ts';

/** Runs of the CLI in processes of their own that are killed, on folders of their own. */

const PROJECT = resolve(import.meta.dirname, '../../..');
const DUPLICATE = JSON.stringify({ value: 'item-0' });
const INVALID = '{"value": broken';

export interface KillingGround {
  /** @returns a run whose data folder is new */
  open(): KilledRun;
  remove(): void;
}

export interface KilledRun {
  /** Runs (or goes on) until the moment, which ends the process. @throws Error if the process ended in another way */
  killAt(moment: Moment, how: 'run' | 'resume'): Promise<void>;
  /** `spillway run --resume` to the run's end. */
  resume(): Promise<ResumedRun>;
}

/** What `run --resume --json` says, and the lines that have a verdict on disk. */
export interface ResumedRun {
  readonly code: number | null;
  readonly said: { readonly run: string; readonly state: string; readonly isClean: boolean; readonly faults: readonly unknown[]; readonly counts: Readonly<Record<string, number>> };
  /** Every row of every result file on disk, by its line. */
  readonly lines: readonly number[];
}

/** The template is made once; each data folder gets a copy, as if a run had been there before. */
export async function prepareKillingGround(): Promise<KillingGround> {
  const ground = mkdtempSync(join(tmpdir(), 'spillway-kill-'));
  await synthesise(join(ground, 'cdk.out'));
  const manifest = join(ground, 'list.jsonl');
  const rows = Array.from({ length: KILLED_RUN.items }, (_, i) => JSON.stringify({ value: `item-${i}` }));
  writeFileSync(manifest, [...rows, DUPLICATE, INVALID, ''].join('\n'));
  let runs = 0;
  return {
    open: () => new FolderRun(join(ground, `run-${runs++}`), { ground, manifest }),
    remove: () => rmSync(ground, { recursive: true, force: true }),
  };
}

class FolderRun implements KilledRun {
  readonly #data: string;
  readonly #out: string;
  readonly #manifest: string;

  constructor(folder: string, { ground, manifest }: { ground: string; manifest: string }) {
    this.#data = join(folder, 'data');
    this.#out = join(folder, 'out');
    this.#manifest = manifest;
    mkdirSync(this.#data, { recursive: true });
    cpSync(join(ground, 'cdk.out'), join(this.#data, 'cdk.out'), { recursive: true });
  }

  async killAt(moment: Moment, how: 'run' | 'resume'): Promise<void> {
    const manifest = how === 'run' ? ['--manifest', this.#manifest] : [];
    const ended = await runNode(['test/support/kill/killed-cli.ts', '--data', this.#data, '--out', this.#out, '--moment', moment.name, ...manifest]);
    if (ended.signal !== 'SIGKILL') throw new Error(`expected the process to be killed when ${moment.name}, it ended with ${ended.code}: ${ended.stdout}${ended.stderr}`);
  }

  async resume(): Promise<ResumedRun> {
    const { code, stdout, stderr } = await runNode(['bin/spillway.js', 'run', '--resume', '--json', '--data', this.#data, '--out', this.#out, '--workers', '2']);
    if (stdout === '') throw new Error(`expected the resumed run to say how it ended, it ended with ${code}: ${stderr}`);
    const said = JSON.parse(stdout) as ResumedRun['said'];
    return { code, said, lines: readLines(join(this.#out, said.run)) };
  }
}

async function runNode(args: readonly string[]): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, args, { cwd: PROJECT, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => void (texts[name] += text));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...texts };
}

function readLines(folder: string): number[] {
  const { files } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { files: readonly { path: string }[] };
  const results = files.map(({ path }) => path).filter((path) => path.startsWith('results/'));
  const rows = results.flatMap((path) => gunzipSync(readFileSync(join(folder, path))).toString().trimEnd().split('\n'));
  return rows.map((row) => JSON.parse(row) as { line?: number; verdict?: string }).filter(({ verdict }) => verdict !== undefined).map(({ line }) => line!);
}
