import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RunReport, RunRequest, WorkerMessage, WorkerOptions } from './campaign-worker.ts';
import type { FaultPoint, RecordedCall } from './fault-points.ts';

export interface CampaignOptions extends WorkerOptions {
  /** Stacks side by side, a process each. */
  readonly stacks: number;
}

export interface UndisturbedRun {
  readonly calls: readonly RecordedCall[];
  readonly fingerprint: string;
}

const MEASURED_RUNS = 3;
const WORKER = fileURLToPath(new URL('campaign-worker.ts', import.meta.url));

/** Several stacks side by side that make runs under faults. */
export class Campaign {
  readonly #stacks: readonly ChildProcess[];
  #undisturbed: UndisturbedRun | undefined;

  private constructor(stacks: readonly ChildProcess[]) {
    this.#stacks = stacks;
  }

  /** Starts the stacks and makes undisturbed runs on each: they are the measure for all that follow. */
  static async start({ stacks, ...options }: CampaignOptions): Promise<Campaign> {
    const processes: ChildProcess[] = [];
    const campaign = new Campaign(processes);
    try {
      // One after the other: a stack loads its ten functions at once, and that has a time-out.
      for (let i = 0; i < stacks; i++) {
        // A TypeScript file needs no flags of whoever runs this.
        const stack = fork(WORKER, [JSON.stringify(options)], { execArgv: [] });
        processes.push(stack);
        await hear(stack);
      }
      await campaign.#measure();
      return campaign;
    } catch (error) {
      await campaign.stop();
      throw error;
    }
  }

  /**
   * On warm stacks, one after the other: a stack that waits for its neighbours sends again what waits too long. Calls that are not in each of the
   * measured runs, such as a sweep that came in between, are chance.
   */
  async #measure(): Promise<void> {
    await Promise.all(this.#stacks.map((stack) => ask(stack, { points: [] })));
    const reports: RunReport[] = [];
    for (const stack of Array.from({ length: MEASURED_RUNS }, (_, i) => this.#stacks[i % this.#stacks.length]!)) reports.push(await ask(stack, { points: [] }));
    const complaints = reports.flatMap((report) => report.complaints);
    if (complaints.length > 0) throw new Error(`an undisturbed run is not in order: ${complaints.join('; ')}`);
    const [{ calls, fingerprint }, ...others] = reports as [RunReport, ...RunReport[]];
    const seen = others.map((report) => new Set(report.calls.map(({ name }) => name)));
    this.#undisturbed = { calls: calls.filter(({ name }) => seen.every((names) => names.has(name))), fingerprint };
  }

  get undisturbed(): UndisturbedRun {
    return this.#undisturbed!;
  }

  /** Makes a run for each group of points, whichever stack is free next. @returns reports in the order in which the runs ended */
  async play(groups: readonly (readonly FaultPoint[])[], onReport: (report: RunReport) => void = () => {}): Promise<RunReport[]> {
    const left = groups.values();
    const reports: RunReport[] = [];
    await Promise.all(
      this.#stacks.map(async (stack) => {
        for (const points of left) {
          const report = this.#compare(await ask(stack, { points }));
          reports.push(report);
          onReport(report);
        }
      }),
    );
    return reports;
  }

  #compare(report: RunReport): RunReport {
    if (report.fingerprint === this.undisturbed.fingerprint) return report;
    return { ...report, complaints: [...report.complaints, 'the results are not those of the undisturbed run'] };
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#stacks.map(async (stack) => {
        if (stack.exitCode !== null || stack.signalCode !== null) return;
        const ended = once(stack, 'exit');
        stack.kill('SIGKILL');
        await ended;
      }),
    );
  }
}

async function ask(stack: ChildProcess, request: RunRequest): Promise<RunReport> {
  const answer = hear(stack);
  stack.send(request);
  const message = await answer;
  if (message.kind !== 'report') throw new Error(`expected a report, got ${message.kind}`);
  return message.report;
}

/** @throws Error if the process ends instead */
async function hear(stack: ChildProcess): Promise<WorkerMessage> {
  const over = new AbortController();
  const message = once(stack, 'message', { signal: over.signal }).then(([heard]) => heard as WorkerMessage);
  const end = once(stack, 'exit', { signal: over.signal }).then(([code, signal]) => {
    throw new Error(`a stack's process ended with ${String(code ?? signal)}`);
  });
  try {
    return await Promise.race([message, end]);
  } finally {
    over.abort();
    await Promise.allSettled([message, end]);
  }
}
