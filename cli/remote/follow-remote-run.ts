import type { Run, SpillwayClient } from '../../client/spillway-client.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { describeProgress, formatCount } from '../progress.ts';
import type { CommandContext } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

const POLL_MS = 1000;
const MAX_POLL_MS = 5000;
const BACK_OFF = 1.3;

export const hasRunEnded = ({ state }: Pick<Run, 'state'>): boolean => state === 'finished' || state === 'failed';

/** Follows a run over the API to its end; Ctrl-C leaves it to itself. */
export async function followRemoteRun(run: string, { client, profile }: { readonly client: SpillwayClient; readonly profile: string }, { terminal, signal }: CommandContext): Promise<ExitCode> {
  let shown = '';
  for (let waitMs = POLL_MS; ; ) {
    const view = await client.showRun(run);
    const line = describeRun(view);
    if (line !== shown) show(line, terminal);
    waitMs = line === shown ? Math.min(MAX_POLL_MS, waitMs * BACK_OFF) : POLL_MS;
    shown = line;
    if (hasRunEnded(view)) return tellEnd(view, profile, terminal);
    await terminal.sleep(waitMs, signal);
    if (signal.aborted) {
      terminal.note(`run ${run} goes on: spillway watch ${run} ${profile}`);
      return EXIT.runFailed;
    }
  }
}

const show = (line: string, terminal: Terminal): void => (terminal.isLive ? terminal.live(line) : terminal.note(line));

function describeRun({ state, total, completed, percent, ratePerSecond, etaSeconds, succeeded, failed, skipped, processing, queued, waitsFor }: Run): string {
  if (total === undefined) return state;
  const line = describeProgress({
    total,
    done: completed,
    percent: Math.floor(percent),
    succeeded,
    failed,
    skipped,
    pending: processing + queued,
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    ...(etaSeconds !== undefined && { remainingSeconds: etaSeconds }),
    waits: waitsFor.flatMap(({ what, until }) => (until === undefined ? [] : [{ limit: what, until: Date.parse(until) }])),
  });
  return state === 'running' || state === 'finished' ? line : `${state}: ${line}`;
}

export function tellEnd(view: Run, profile: string, terminal: Terminal): ExitCode {
  const { run, state, succeeded, failed, skipped, total = 0, error, stop } = view;
  if (terminal.isJson) terminal.print(JSON.stringify(view));
  else if (state === 'failed') terminal.print(`run ${run} failed: ${error ?? 'no reason is known'}`);
  else {
    terminal.print(`run ${run} ${stop ? `was stopped (${stop.reason})` : 'finished'}: ${formatCount(succeeded)} succeeded, ${formatCount(failed)} failed, ${formatCount(skipped)} skipped of ${formatCount(total)} items`);
    terminal.print(`next: spillway results ${run} ${profile}`);
  }
  if (state === 'failed') return EXIT.runFailed;
  return failed > 0 || stop ? EXIT.itemsFailed : EXIT.ok;
}
