import type { RunReport } from './campaign-worker.ts';
import { describePoint, type FaultPoint } from './fault-points.ts';

/** What a campaign came to. */
export interface Tally {
  readonly points: number;
  readonly fired: number;
  readonly notFired: readonly string[];
  readonly runs: number;
  readonly deaths: number;
  /** Of all stacks. */
  readonly cpuSeconds: number;
  /** Of each run that broke a promise: its points, then what it broke. */
  readonly complaints: readonly string[];
}

export function tallyReports(reports: readonly RunReport[]): Tally {
  const points = reports.flatMap(({ points: own, fired }) => own.map((point, i) => ({ point, hasFired: fired[i]! })));
  const notFired = points.filter(({ hasFired }) => !hasFired).map(({ point }) => describePoint(point));
  return {
    points: points.length,
    fired: points.length - notFired.length,
    notFired,
    runs: reports.length,
    deaths: reports.reduce((sum, { deaths }) => sum + deaths, 0),
    cpuSeconds: reports.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / 1000,
    complaints: reports.filter(({ complaints }) => complaints.length > 0).map(describeComplaints),
  };
}

const describeComplaints = ({ points, complaints }: RunReport): string => `[${points.map(describePoint).join(' | ')}] ${complaints.join('; ')}`;

export const describeTally = ({ points, fired, runs, deaths, cpuSeconds, notFired }: Tally, seconds: number): string =>
  [`${points} fault points, ${fired} fired, in ${runs} runs with ${deaths} deaths of workers: ${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU`, ...notFired.map((point) => `  did not occur: ${point}`)].join('\n');

/** The points of the runs that broke a promise, one a run: says which of them it is. */
export const pointsToIsolate = (reports: readonly RunReport[]): FaultPoint[][] =>
  reports.filter(({ points, complaints }) => points.length > 1 && complaints.length > 0).flatMap(({ points }) => points.map((point) => [point]));
