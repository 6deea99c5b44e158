import { type FaultPoint, PointJudge, type RecordedCall, recordOf } from './fault-points.ts';
import { FaultStack } from './fault-stack.ts';
import { fingerprintRows, judgeEvidence } from './judge-evidence.ts';
import type { RunEvidence } from './observe-run.ts';

/** A process of a campaign: one stack, and the runs that it is told to make, one after the other. */

export interface WorkerOptions {
  readonly templateFolder: string;
  readonly items: number;
  readonly itemsPerBatch: number;
}

export interface RunRequest {
  readonly points: readonly FaultPoint[];
}

export interface RunReport extends RunRequest {
  /** Which of the points met their call, in the same order. */
  readonly fired: readonly boolean[];
  /** What the run broke. */
  readonly complaints: readonly string[];
  readonly fingerprint: string;
  readonly calls: readonly RecordedCall[];
  readonly deaths: number;
  readonly ms: number;
  /** Of the whole stack. */
  readonly cpuMs: number;
}

export type WorkerMessage = { readonly kind: 'ready' } | { readonly kind: 'report'; readonly report: RunReport };

const tell = (message: WorkerMessage): void => void process.send?.(message);

const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;
const errors: string[] = [];
let stack = await startStack();
let playing: Promise<void> = Promise.resolve();

process.on('disconnect', () => process.exit());
process.on('message', (request: RunRequest) => {
  playing = playing.then(() => play(request));
});
tell({ kind: 'ready' });

function startStack(): Promise<FaultStack> {
  return FaultStack.start({ ...options, onError: (error) => errors.push(String(error)) });
}

async function play({ points }: RunRequest): Promise<void> {
  const judge = new PointJudge(points);
  const cpu = process.cpuUsage();
  const calls: RecordedCall[] = [];
  const evidence = await stack
    .run((call) => {
      if (call.attempt === 1) calls.push(recordOf(call));
      return judge.judge(call);
    })
    .catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  const complaints = [...errors.splice(0), ...complaintsOf(evidence)];
  const { deaths = 0, ms = 0, rows = [] } = evidence instanceof Error ? {} : evidence;
  tell({ kind: 'report', report: { points, fired: points.map((point) => judge.fired.has(point)), complaints, fingerprint: fingerprintRows(rows), calls, deaths, ms, cpuMs: cpuMsSince(cpu) } });
  if (evidence instanceof Error) await startAnew();
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

const complaintsOf = (evidence: RunEvidence | Error): string[] => (evidence instanceof Error ? [evidence.message] : judgeEvidence(evidence));

/** A run that did not end goes on: the next one shall not meet it. */
async function startAnew(): Promise<void> {
  await stack.stop();
  stack = await startStack();
}
