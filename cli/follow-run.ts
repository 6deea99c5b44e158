import type { RunWait } from '../shared/describe-queue.ts';
import { countRun, isPlanned, readAllShards } from '../shared/planned-run.ts';
import type { RunLedger } from '../shared/ports.ts';
import type { RunRecord } from '../shared/records.ts';
import { addSample, describeProgress, estimateProgress } from './progress.ts';
import type { Progress, Sample } from './progress.ts';
import { describeState, hasEnded } from './run-state.ts';
import type { Terminal } from './terminal.ts';

/** The ledger is asked this often at first, and less often while nothing changes. */
const POLL_MS = 500;
const MAX_POLL_MS = 3000;
const BACK_OFF = 1.3;
/** Away from a terminal every line stays: fewer of them. */
const PLAIN_LINE_EVERY_MS = 5000;

export type FollowEnd = { readonly kind: 'ended'; readonly record: RunRecord } | { readonly kind: 'stopped' };

/** What is asked of a stack about a run. */
export interface Followed {
  readonly ledger: Pick<RunLedger, 'readRun' | 'readShards'>;
  readonly waitsOf?: (run: string) => Promise<readonly RunWait[]>;
}

/** Follows a run to its end, or until the signal aborts; shows where it stands. */
export async function followRun({ ledger, waitsOf = async () => [] }: Followed, run: string, terminal: Terminal, signal: AbortSignal): Promise<FollowEnd> {
  const display = createDisplay(terminal);
  let samples: Sample[] = [];
  let waitMs = POLL_MS;
  while (!signal.aborted) {
    const record = await ledger.readRun(run);
    const progress = record && isPlanned(record) ? estimateProgress((samples = addSample(samples, await takeSample(ledger, record, terminal)))) : undefined;
    const waits = progress && progress.pending > 0 ? await waitsOf(run) : [];
    display(record, progress && { ...progress, waits });
    if (record && hasEnded(record)) return { kind: 'ended', record };
    waitMs = hasMoved(samples) ? POLL_MS : Math.min(MAX_POLL_MS, waitMs * BACK_OFF);
    await terminal.sleep(waitMs, signal);
  }
  return { kind: 'stopped' };
}

async function takeSample(ledger: Pick<RunLedger, 'readShards'>, record: Parameters<typeof countRun>[0], { now }: Terminal): Promise<Sample> {
  const shards = await readAllShards(ledger, record);
  return { at: now(), counts: countRun(record, shards) };
}

const hasMoved = (samples: readonly Sample[]): boolean => samples.length > 1 && samples.at(-1)!.counts.pending !== samples.at(-2)!.counts.pending;

function describeStanding(record: RunRecord | undefined, progress: Progress | undefined): string {
  if (!record) return 'waiting for the run to be admitted';
  const state = describeState(record);
  const line = progress ? describeProgress(record.paused || record.queued ? standStill(progress) : progress) : 'planning the run';
  return state === 'open' || hasEnded(record) ? line : `${state}: ${line}`;
}

/** What is in work ends, then nothing moves: a remaining time would be a guess at when somebody resumes it. */
const standStill = ({ ratePerSecond: _rate, remainingSeconds: _left, ...progress }: Progress): Progress => progress;

function createDisplay(terminal: Terminal): (record: RunRecord | undefined, progress: Progress | undefined) => void {
  let shown = '';
  let shownAt = -Infinity;
  let isWhole = false;
  return (record, progress) => {
    const line = describeStanding(record, progress);
    if (terminal.isLive) return terminal.live(line);
    const at = terminal.now();
    const isDue = at - shownAt >= PLAIN_LINE_EVERY_MS || record === undefined || hasEnded(record);
    if (line === shown || !isDue || isWhole) return;
    isWhole = progress !== undefined && progress.pending === 0;
    terminal.note(line);
    shown = line;
    shownAt = at;
  };
}
