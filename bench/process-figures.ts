import { readFileSync } from 'node:fs';

/** Most memory that this process was ever resident with (VmHWM of Linux), in MB. */
export const peakMemoryMb = (): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

/** Starts a measurement of this process. @returns what it took since */
export function startFigures(): () => { wallSeconds: number; cpuSeconds: number } {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { wallSeconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 };
  };
}

export const round = (value: number): number => Math.round(value * 100) / 100;
